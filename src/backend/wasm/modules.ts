/** Modules of this process: equal bytes are compiled once, whichever device asks. */

/** A module and its number. */
export type Compiled = { readonly id: number; readonly module: WebAssembly.Module }

/** More modules than this are compiled anew when they are wanted again. */
const most = 256

const made = new Map<string, Promise<Compiled>>()
let next = 0

/** How many modules have been compiled. */
export const compilations = (): number => next

/** The module of these bytes. */
export const compiled = (bytes: Uint8Array<ArrayBuffer>): Promise<Compiled> => {
  const key = new TextDecoder('latin1').decode(bytes)
  const id = next
  const there = made.get(key) ?? WebAssembly.compile(bytes).then((module) => ({ id, module }))
  if (!made.has(key)) {
    next++
    // What failed may be tried again.
    there.catch(() => made.delete(key))
  }
  // The last used are kept.
  made.delete(key)
  made.set(key, there)
  if (made.size > most) made.delete(made.keys().next().value!)
  return there
}
