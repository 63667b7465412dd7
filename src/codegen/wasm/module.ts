/** Modules: functions of one memory, as bytes. */
import { flatten, name, sized, unsigned, vector, type Bytes } from './bytes.ts'
import { thisEngine, type Engine } from './engine.ts'
import { hoisted } from './hoist.ts'
import { brIf, get, i32, loop, set, tee, typeCode, type Code, type ValueType } from './op.ts'

/** The parameters and results of a function. */
export type Signature = { readonly params: readonly ValueType[]; readonly results: readonly ValueType[] }

/** A function being written: its locals, parameters first. */
export class Body {
  readonly types: ValueType[]
  readonly arity: number
  /** What it is for. */
  readonly engine: Engine
  constructor(params: readonly ValueType[], engine = thisEngine()) {
    this.engine = engine
    this.types = [...params]
    this.arity = params.length
  }
  /** A fresh local. */
  local(type: ValueType): number {
    return this.types.push(type) - 1
  }
  /** `for (i = from; i < to; i += step)`, which runs at least once. */
  repeat(from: Code, to: Code, step: number, body: (i: number) => Code): Code {
    const i = this.local('i32')
    const next = tee(i, i32.add(get(i), i32.const(step)))
    return [set(i, from), loop([body(i), brIf(0, i32.ltS(next, to))])]
  }
}

type Import = { readonly module: string; readonly name: string; readonly signature: Signature }
type Declared = { readonly signature: Signature; code: Bytes | undefined }

const signatureKey = ({ params, results }: Signature): string => `${params.join()}>${results.join()}`

/** A module being written. All imports must come before the first function. */
export class ModuleBuilder {
  readonly #imports: Import[] = []
  readonly #functions: Declared[] = []
  readonly #exports: { readonly name: string; readonly index: number }[] = []
  readonly #named = new Map<string, number>()
  /** What the module is for. */
  readonly engine: Engine

  constructor(engine = thisEngine()) {
    this.engine = engine
  }

  /** A function of the host. */
  import(from: string, what: string, signature: Signature): number {
    const there = this.#named.get(`import ${from}.${what}`)
    if (there !== undefined) return there
    const index = this.#imports.push({ module: from, name: what, signature }) - 1
    this.#named.set(`import ${from}.${what}`, index)
    return index
  }

  /** The function of this key, written if there is none yet. Equal keys must mean equal functions. */
  function(key: string, signature: Signature, write: (body: Body) => Code): number {
    const there = this.#named.get(key)
    if (there !== undefined) return there
    const declared: Declared = { signature, code: undefined }
    const index = this.#imports.length + this.#functions.push(declared) - 1
    this.#named.set(key, index)
    const body = new Body(signature.params, this.engine)
    const code = hoisted(() => body.local('v128'), write(body))
    const locals: Bytes[] = []
    const own = body.types.slice(body.arity)
    for (let i = 0; i < own.length;) {
      let end = i
      while (end < own.length && own[end] === own[i]) end++
      locals.push([unsigned(end - i), typeCode[own[i]!]])
      i = end
    }
    declared.code = flatten(sized([vector(locals), code, 0x0b]))
    return index
  }

  /** Makes a function callable from outside. */
  export(what: string, index: number): void {
    this.#exports.push({ name: what, index })
  }

  /** The module. `pages` is the least size of the memory `env.memory`, `shared` its kind. */
  bytes(memory: {
    readonly pages: number
    readonly maximum: number
    readonly shared: boolean
  }): Uint8Array<ArrayBuffer> {
    const all = [...this.#imports, ...this.#functions].map((f) => f.signature)
    const keys = [...new Set(all.map(signatureKey))]
    const typeOf = (s: Signature): Bytes => unsigned(keys.indexOf(signatureKey(s)))
    const types = keys.map((key) => {
      const { params, results } = all.find((s) => signatureKey(s) === key)!
      return [0x60, vector(params.map((t) => typeCode[t])), vector(results.map((t) => typeCode[t]))]
    })
    const limits = [memory.shared ? 3 : 1, unsigned(memory.pages), unsigned(memory.maximum)]
    const imports = [
      [name('env'), name('memory'), 2, limits],
      ...this.#imports.map((i) => [name(i.module), name(i.name), 0, typeOf(i.signature)]),
    ]
    const section = (id: number, parts: readonly Bytes[]): Bytes => [id, sized(vector(parts))]
    return flatten([
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, types),
      section(2, imports),
      section(
        3,
        this.#functions.map((f) => typeOf(f.signature)),
      ),
      section(
        7,
        this.#exports.map((e) => [name(e.name), 0, unsigned(e.index)]),
      ),
      section(
        10,
        this.#functions.map((f) => f.code!),
      ),
    ])
  }
}
