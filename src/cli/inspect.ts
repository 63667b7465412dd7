/** `diffold inspect`: what is in a checkpoint. */
import { Command, Option } from 'commander'
import { inventory } from '../params/inventory.ts'
import { orThrow } from '../params/load.ts'
import { checkpointArgument, loading, loadOptions } from './options.ts'
import { interrupted, unless } from './stop.ts'
import { printable } from './text.ts'

type Options = { readonly variant?: string; readonly revision?: string; readonly json?: true }

const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

const run = async (checkpoint: string, o: Options): Promise<void> => {
  const found = await unless(interrupted(), orThrow(inventory(checkpoint, loading(o))))
  if (o.json === true) return void process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`)
  const lines = [`${found.source}: ${found.className}`]
  for (const c of found.components) {
    lines.push('', `${c.name}: ${c.className}${c.note === undefined ? '' : ` (${c.note})`}`)
    for (const [key, value] of Object.entries(c.config)) lines.push(`  ${key}: ${JSON.stringify(value)}`)
    for (const t of c.tensors) lines.push(`    ${t.name}: ${t.dtype}[${t.shape.join(',')}]`)
    if (c.tensors.length > 0)
      lines.push(`  ${c.tensors.length} tensors, ${c.parameters} parameters, ${mega(c.bytes)} in ${c.files.join(', ')}`)
  }
  lines.push('', `in all: ${found.parameters} parameters, ${mega(found.bytes)}`)
  process.stdout.write(`${printable(lines.join('\n'))}\n`)
}

/** The command. */
export const inspect = new Command('inspect')
  .description('List the components of a checkpoint: their configs, their parameters by name and shape, and totals.')
  .addArgument(checkpointArgument())
  .addOption(new Option('--json', 'as JSON'))
for (const option of loadOptions()) inspect.addOption(option)
inspect.action(run)
