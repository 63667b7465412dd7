/** `diffold export`: the UNet as an ONNX model, for other runtimes. */
import fs from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { unet2d } from '../models/unet2d.ts'
import { toOnnx } from '../onnx/to-onnx.ts'
import { conditionalUnet } from '../pipelines/condition.ts'
import { latentShape, nativeSize } from '../pipelines/latents.ts'
import { sampleShape } from '../pipelines/unconditional.ts'
import { zeros, type Tensor } from '../tensor/tensor.ts'
import { loadText, loadUnconditional, openCheckpoint } from './checkpoint.ts'
import { blankCondition } from './one-step.ts'
import { checkpointArgument, loading, loadOptions } from './options.ts'
import { checkWritable } from './output.ts'
import { interrupted, unless } from './stop.ts'

type Options = { readonly output: string; readonly variant?: string; readonly revision?: string }
type Noisy = { readonly sample: Tensor; readonly timestep: Tensor | number }

const modelOf = async (source: string, o: Options): Promise<Uint8Array> => {
  const checkpoint = await openCheckpoint(source, loading(o))
  if (checkpoint.kind === 'unconditional') {
    const { unet } = await loadUnconditional(checkpoint, loading(o))
    const predict = unet2d(unet)
    const example = { sample: zeros([1, ...sampleShape(unet)]), timestep: 0 }
    return toOnnx(({ sample, timestep }: Noisy) => predict(sample, timestep), [example])
  }
  const sd = await loadText(checkpoint, loading(o))
  const shape = latentShape(sd, nativeSize(sd))
  const predict = conditionalUnet(sd.unet)
  const condition = blankCondition(sd, shape)
  return toOnnx(
    ({ sample, timestep, ...given }: Noisy & typeof condition) => predict(sample, timestep, given),
    [{ sample: zeros(shape), timestep: 0, ...condition }],
  )
}

const run = async (source: string, o: Options): Promise<void> => {
  const signal = interrupted()
  await checkWritable(o.output)
  const bytes = await unless(signal, modelOf(source, o))
  await fs.mkdir(dirname(resolve(o.output)), { recursive: true })
  await fs.writeFile(o.output, bytes)
  process.stdout.write(`${resolve(o.output)}\n`)
}

const onnxPath = (text: string): string => {
  if (!/[^/\\]\.onnx$/i.test(text)) throw new InvalidArgumentError('expected a file name that ends in .onnx.')
  return text
}

/** The command. */
export const exportModel = new Command('export')
  .description('Write the UNet of a checkpoint as an ONNX model, at its own size, for one sample.')
  .addArgument(checkpointArgument())
  .addOption(new Option('-o, --output <file>', 'where to').argParser(onnxPath).default('model.onnx'))
for (const option of loadOptions()) exportModel.addOption(option)
exportModel.action(run)
