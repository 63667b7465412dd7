/** The passes between a traced graph and kernels for WebGPU. */
import type { Program } from '../../codegen/program.ts'
import type { Capabilities } from '../../codegen/wgsl/shader.ts'
import { variantsOf } from '../../codegen/wgsl/emit.ts'
import type { Conv, Graph } from '../../graph/node.ts'
import { lower as lowerFor, type LowerOptions, type Stage } from '../../passes/lower.ts'
import { webgpuTarget, winogradSize, type Target } from '../../passes/target.ts'

export type { LowerOptions }

/** Bytes that a program may keep: nobody says how much memory a device has. */
const mostKept = 8 * 2 ** 30

/** Says which convolutions are done by Winograd's algorithm, and by which. */
export type Winograd = Target['winograd']

/** The kernels of a graph for such a device. `winograd`: the best guess unless given. */
export const lower = (
  graph: Graph,
  capabilities: Capabilities,
  options: LowerOptions = {},
  report?: (stage: Stage) => void,
  winograd: Winograd = guessedWinograd(capabilities),
): Program =>
  lowerFor(
    graph,
    webgpuTarget({ ...capabilities, projects: (k) => variantsOf(k, capabilities).length > 0, winograd }),
    { keep: mostKept, ...options },
    report,
  )

/**
 * Winograd's algorithm is three more dispatches. On software adapters it repays them on large images of many channels: 320 → 320 at 64²
 * takes 97 ms instead of 246 on lavapipe, 0.5 s instead of 6 on SwiftShader; with 32 channels SwiftShader loses. No GPU has been measured.
 */
export const guessedWinograd =
  (capabilities: Capabilities): Winograd =>
  (n) =>
    capabilities.adapter === 'gpu' ? undefined : possibleWinograd(capabilities)(n)

/**
 * Which of Winograd's algorithms a convolution may be done by. Small ones may not: by themselves they take lavapipe half the time and less, but in a
 * program they lose what a product takes in, shortcuts and concatenations, and are many kernels. A guided step at a quarter of SD 1.5 had 450 to 513
 * instead of 247, and was not clearly faster: 0.95 and 1.42 s against 1.04 and 1.17.
 */
export const possibleWinograd =
  ({ maxBinding }: Capabilities): Winograd =>
  (n) => {
    const [batch, outs, height, width] = n.shape as [number, number, number, number]
    const isLarge = batch * height * width >= 4096 && Math.min(outs, n.w.shape[1]!) >= 64
    const m = isLarge ? winogradSize(n) : undefined
    return m !== undefined && winogradBytes(n, m) <= maxBinding ? m : undefined
  }

/** The ways there are to do a convolution, the best guess first. */
export const winogradWays =
  (capabilities: Capabilities) =>
  (n: Conv): readonly ReturnType<Winograd>[] => {
    const m = possibleWinograd(capabilities)(n)
    if (m === undefined) return [undefined]
    return guessedWinograd(capabilities)(n) === undefined ? [undefined, m] : [m, undefined]
  }

/** Bytes of the largest of what the algorithm reads and writes. */
const winogradBytes = (n: Conv, m: 2 | 4): number => {
  const [batch, outs, height, width] = n.shape as [number, number, number, number]
  const channels = n.w.shape[1]!
  const tiles = batch * Math.ceil(height / m) * Math.ceil(width / m)
  return 4 * (m + 2) ** 2 * Math.max(tiles * (channels + 32), tiles * (outs + 48), channels * (outs + 80))
}
