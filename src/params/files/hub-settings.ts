/** What huggingface_hub reads from the environment, read the same way. */
import { environment, isNode, platform } from '../platform.ts'

const isTrue = (name: string): boolean => ['1', 'ON', 'YES', 'TRUE'].includes((environment(name) ?? '').toUpperCase())

const expand = (path: string): string => {
  const { os, path: paths } = platform()
  return path === '~' || /^~[\\/]/.test(path) ? paths.join(os.homedir(), path.slice(1)) : path
}

const home = (): string => {
  const { path } = platform()
  return expand(environment('HF_HOME') ?? path.join(environment('XDG_CACHE_HOME') ?? '~/.cache', 'huggingface'))
}

/** HF_ENDPOINT, without a slash at its end. */
export const defaultEndpoint = (): string => environment('HF_ENDPOINT') ?? 'https://huggingface.co'

/** HF_HUB_CACHE, or `hub` in HF_HOME, or ~/.cache/huggingface/hub. */
export const defaultCache = (): string =>
  expand(environment('HF_HUB_CACHE') ?? environment('HUGGINGFACE_HUB_CACHE') ?? platform().path.join(home(), 'hub'))

/** HF_HUB_OFFLINE: nothing is asked of the network. */
export const isOffline = (): boolean => isTrue('HF_HUB_OFFLINE') || isTrue('TRANSFORMERS_OFFLINE')

/** HF_TOKEN, or what `hf auth login` has kept; undefined where there is neither. */
export const defaultToken = async (): Promise<string | undefined> => {
  if (!isNode() || isTrue('HF_HUB_DISABLE_IMPLICIT_TOKEN')) return undefined
  const { fs, path } = platform()
  const kept = async (): Promise<string> => {
    const file = environment('HF_TOKEN_PATH')
    return fs.readFile(file === undefined ? path.join(home(), 'token') : expand(file), 'utf8').catch(() => '')
  }
  const token = (environment('HF_TOKEN') ?? environment('HUGGING_FACE_HUB_TOKEN') ?? (await kept())).trim()
  // Anything else is refused by `fetch`, with the token in the error's message.
  return /^[\x21-\x7e]+$/.test(token) ? token : undefined
}
