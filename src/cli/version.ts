/** This package's version, as its package.json has it. */
import { createRequire } from 'node:module'

/** For example `0.1.0`. */
export const version = (createRequire(import.meta.url)('../../package.json') as { readonly version: string }).version
