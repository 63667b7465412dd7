/** News of kernels that are being compiled, which on a first run can take longer than all the rest. */

/** A kernel has been compiled: the `done`th of `total` that a program still needed. `label` says what it is first used for. */
export type Compiled = {
  readonly done: number
  readonly total: number
  readonly label: string
  readonly ms: number
}

const listeners = new Set<(news: Compiled) => void>()

/** Calls `listener` whenever a kernel has been compiled for a device; gives the function that ends this. */
export const onCompiled = (listener: (news: Compiled) => void): (() => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** Tells whoever listens. */
export const tell = (news: Compiled): void => {
  for (const listener of listeners) listener(news)
}
