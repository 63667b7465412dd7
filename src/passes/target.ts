/** What differs between code generators: which kernels they take, and how operands lie. */
import type { PlainAttentionKernel } from '../codegen/kernel.ts'
import type { Conv } from '../graph/node.ts'

/** A code generator, to those who choose kernels for it. */
export type Target = {
  readonly name: 'wasm' | 'webgpu'
  /** Columns of a panel of B, for a product of n columns. */
  readonly panelWidth: (n: number) => number
  /** Does such an attention make its queries itself, where that saves a kernel (`project`)? */
  readonly projects: (k: PlainAttentionKernel) => boolean
  /** m of F(m × m, 3 × 3) for a convolution; undefined where it is a product. */
  readonly winograd: (n: Conv) => 2 | 4 | undefined
  /** Are windows read from a copy of the image with its borders, or from the image (`Window`)? */
  readonly borders: 'copied' | 'implicit'
  /** Is a group normalisation one kernel (`Normalise`), or scales and shifts (`Moments`) that are applied where the result is read? */
  readonly groupNorm: 'whole' | 'moments'
  /** Have expressions parts (`Parts`): are concatenations and borders read where they lie? */
  readonly parts: boolean
  /** Has a product several terms, rows normalised on the way, columns paired by an epilogue, epilogues that store anywhere? */
  readonly products: 'plain' | 'rich'
  /** Do inputs of one f32 lie side by side in one buffer (`Numbers`)? */
  readonly numbers: 'together' | 'apart'
  /** Has a map several results? */
  readonly several: boolean
  /** Is a long fold of few results one kernel, or two, so that the device is busy? */
  readonly folds: 'whole' | 'staged'
  /** May panels stay 16-bit floats? */
  readonly keeps16: boolean
  /** The most operands of a kernel. */
  readonly mostOperands: number
  /** The most bytes of an operand. */
  readonly mostBytes: number
}

// 8 and 12 are fastest, and 12 leaves no panel of 4 behind.
const panelWidth = (n: number): number => (n <= 4 ? 4 : n <= 8 || n % 12 === 4 || n % 8 === 0 ? 8 : 12)

/** Rows of a tile in registers: fewer take as long. */
const rowsAtOnce = 4
/** Reading a weight from memory takes as long as so many multiplications, measured. */
const readingWeights = 4

/** What a product of so many rows costs for each of its weights, in multiplications. */
const costOfRows = (rows: number): number => Math.ceil(rows / rowsAtOnce) * rowsAtOnce + readingWeights

/**
 * m of F(m × m, 3 × 3) for a convolution, or undefined where it is computed as it is defined: whichever has least to do. Larger tiles save
 * multiplications, and have more weights to read, 4 or 16 / 9 times as many.
 */
export const winogradSize = (n: Conv): 2 | 4 | undefined => {
  const { stride, dilation, groups } = n.geometry
  const [outs, channels, kh, kw] = n.w.shape as [number, number, number, number]
  const [batch, , oh, ow] = n.shape as [number, number, number, number]
  const plain = [...stride, ...dilation, groups].every((v) => v === 1) && kh === 3 && kw === 3
  if (!plain || outs % 4 !== 0 || channels % 4 !== 0 || channels < 16 || outs < 16) return undefined
  const cost = (m: 2 | 4): number => (m + 2) ** 2 * costOfRows(batch * Math.ceil(oh / m) * Math.ceil(ow / m))
  const best = cost(4) < cost(2) ? 4 : 2
  // Transforms are not counted, and want something to repay.
  return cost(best) < 0.8 * 9 * costOfRows(batch * oh * ow) ? best : undefined
}

/** WebAssembly: one memory, vectors of four, no bounds to check but those of the code itself. */
export const wasmTarget: Target = {
  name: 'wasm',
  panelWidth,
  projects: () => false,
  winograd: winogradSize,
  borders: 'copied',
  groupNorm: 'moments',
  parts: false,
  products: 'plain',
  numbers: 'apart',
  several: false,
  folds: 'whole',
  keeps16: false,
  mostOperands: Infinity,
  mostBytes: 2 ** 32,
}

/** What a WebGPU adapter allows, and what was found to pay on it. */
export type WebgpuLimits = {
  readonly maxStorageBuffers: number
  readonly maxBinding: number
  /** The kind of adapter; a GPU unless given. */
  readonly adapter?: 'lavapipe' | 'swiftshader' | 'gpu'
  /** Winograd's algorithm, off unless given. */
  readonly winograd?: Target['winograd']
  /** Attentions that make their queries; all unless given. */
  readonly projects?: Target['projects']
}

/**
 * Columns of a panel on software adapters, whose loads cost far more than arithmetic: as wide as a tile in registers may be (lavapipe, 1024³: 16
 * columns 16 GFLOP/s, 40 28, 80 31), unless too many would be zeros.
 */
const widePanels = (n: number): number => {
  const padded = (width: number): number => Math.ceil(n / width) * width * (1 + 16 / width)
  return [80, 64, 48, 32, 16].reduce((best, width) => (padded(width) < padded(best) ? width : best))
}

/** WebGPU: every kernel is a dispatch, and costs tens of microseconds; few operands. */
export const webgpuTarget = ({
  maxStorageBuffers,
  maxBinding,
  adapter = 'gpu',
  winograd = () => undefined,
  projects = () => true,
}: WebgpuLimits): Target => ({
  name: 'webgpu',
  panelWidth: adapter === 'gpu' ? () => 16 : widePanels,
  projects,
  winograd,
  borders: 'implicit',
  groupNorm: 'whole',
  parts: true,
  products: 'rich',
  numbers: 'together',
  several: true,
  // Software adapters have a core or two, which one long fold keeps as busy as memory allows.
  folds: adapter === 'gpu' ? 'staged' : 'whole',
  keeps16: true,
  mostOperands: maxStorageBuffers,
  mostBytes: maxBinding,
})
