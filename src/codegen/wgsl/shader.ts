/** Kernels as WGSL. */

/** What a kernel does with an operand. */
export type Access = 'read' | 'read_write'

/**
 * An operand as a kernel is given it. One of more bytes than a binding may have (`maxBinding`) is bound as several `windows` of so many `bytes`, one
 * after the other, of which the last may be shorter.
 */
export type Use = Access | { readonly access: Access; readonly windows: number; readonly bytes: number }

/** A kernel as WGSL. Equal code is one pipeline: numbers that differ between uses are parameters. */
export type Shader = {
  /** With the entry point `main`. */
  readonly code: string
  /** 32-bit words of the uniform block at binding 0; where there are none, there is no binding 0. */
  readonly params: readonly number[]
  /** Bindings 1, 2, … of group 0. */
  readonly bindings: readonly { readonly operand: number; readonly access: Access; readonly window: number }[]
  readonly workgroups: readonly [number, number, number]
}

/** What of an adapter decides how kernels are written. */
export type Capabilities = {
  readonly subgroups: boolean
  /** 0 where it varies. */
  readonly subgroupSize: number
  readonly f16: boolean
  readonly maxInvocations: number
  readonly maxWorkgroupStorage: number
  readonly maxStorageBuffers: number
  readonly maxBinding: number
  readonly adapter: 'lavapipe' | 'swiftshader' | 'gpu'
}
