/** The modules of Node, where there are any. Asked for at run time, so that a bundle for the browser holds no import of them. */
import { DeviceError } from '../errors.ts'

/** What of Node the library uses. */
export type Platform = {
  readonly fs: typeof import('node:fs/promises')
  readonly path: typeof import('node:path')
  readonly os: typeof import('node:os')
  readonly crypto: typeof import('node:crypto')
  readonly env: Readonly<Record<string, string | undefined>>
}

// Typed by hand: a browser has no `process`, and a bundler's stand-in for it has no `getBuiltinModule`.
const host = (): Partial<Pick<typeof process, 'getBuiltinModule' | 'env'>> | undefined =>
  (globalThis as { readonly process?: typeof process }).process

/** Are there files to be read here: is this Node (from 20.19), or Deno? */
export const isNode = (): boolean => typeof host()?.getBuiltinModule === 'function'

/** A variable of the environment; undefined where it is not set, or where there is no environment. */
export const environment = (name: string): string | undefined => host()?.env?.[name]

/** Node's modules; throws a `DeviceError` where there are none. */
export const platform = (): Platform => {
  const { getBuiltinModule, env = {} } = host() ?? {}
  if (getBuiltinModule === undefined)
    throw new DeviceError('platform', 'there is no file system here; it needs Node (from 20.19) or Deno')
  return {
    fs: getBuiltinModule('node:fs/promises'),
    path: getBuiltinModule('node:path'),
    os: getBuiltinModule('node:os'),
    crypto: getBuiltinModule('node:crypto'),
    env,
  }
}
