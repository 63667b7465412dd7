/** JSON from files nobody vouches for. */
import { either as E } from 'fp-ts'
import { FileError } from '../errors.ts'

const deepest = 128

/**
 * The first key that an object of valid JSON has twice, which `JSON.parse` does not tell, or that it is nested too deep; undefined where
 * all is well. One pass, on any text.
 */
const fault = (text: string): string | undefined => {
  const keys: (Set<string> | undefined)[] = [] // of the objects around; undefined for an array
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: // [
        keys.push(text[i] === '{' ? new Set() : undefined)
        if (keys.length > deepest) return `is nested more than ${deepest} deep`
        break
      case 0x7d: // }
      case 0x5d: // ]
        keys.pop()
        break
      case 0x22: {
        const start = i
        for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++
        const own = keys.at(-1)
        if (own === undefined) break
        let after = i + 1
        while (after < text.length && ' \t\n\r'.includes(text[after]!)) after++
        if (text[after] !== ':') break
        i = after
        const raw = text.slice(start, text.lastIndexOf('"', after - 1) + 1)
        const key = unescaped(raw)
        if (own.has(key)) return `has the key ${raw.slice(0, 200)} twice`
        own.add(key)
      }
    }
  }
  return undefined
}

const unescaped = (raw: string): string => {
  if (!raw.includes('\\')) return raw.slice(1, -1)
  try {
    return String(JSON.parse(raw))
  } catch {
    return raw
  }
}

/** Python writes NaN and ±Infinity bare, as no JSON may: here they are strings, which codecs of numbers can read. */
const respelled = (text: string): string =>
  text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (token) => (token.startsWith('"') ? token : `"${token}"`))

/** A JSON object, no key twice; Python's bare NaN and ±Infinity become strings. `Left` is a corrupt file. */
export const parseObject = (path: string, text: string): E.Either<FileError, Readonly<Record<string, unknown>>> => {
  const corrupt = (detail: string) => E.left(new FileError(path, 'corrupt', detail))
  const wrong = fault(text)
  if (wrong !== undefined) return corrupt(wrong)
  try {
    const value = JSON.parse(respelled(text)) as unknown
    return isObject(value) ? E.right(value) : corrupt('is JSON, but no object')
  } catch (error) {
    return corrupt(`is no JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Is it what `{ … }` of JSON becomes? */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An own property; what an object inherits (`constructor`) is none of its content. */
export const own = (object: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined
