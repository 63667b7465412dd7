/** A shader being written: parameters, bindings, functions and names, whichever family of kernels it is for. */
import { Params } from './params.ts'
import type { Access, Capabilities, Shader, Use } from './shader.ts'

/** How a binding's elements are typed: what is loaded at once. */
export type ElementType =
  'f32' | 'i32' | 'u32' | 'vec2f' | 'vec4f' | 'vec4i' | 'vec4u' | 'vec2u' | 'f16' | 'vec2<f16>' | 'vec4<f16>'

const bytesOf: Readonly<Record<ElementType, number>> = {
  f16: 2,
  f32: 4,
  i32: 4,
  u32: 4,
  'vec2<f16>': 4,
  'vec4<f16>': 8,
  vec2f: 8,
  vec2u: 8,
  vec4f: 16,
  vec4i: 16,
  vec4u: 16,
}

/** An operand's elements: the text of one, and the statement that replaces one. */
export type Elements = {
  readonly at: (address: string) => string
  readonly set: (address: string, value: string) => string
}

/** Lines of a function's body. */
export class Block {
  readonly lines: string[] = []
  readonly #writer: ShaderWriter

  constructor(writer: ShaderWriter) {
    this.#writer = writer
  }

  /** Adds a line. */
  add(...lines: readonly string[]): void {
    this.lines.push(...lines)
  }

  /** A name that is not taken. */
  fresh(prefix: string): string {
    return this.#writer.fresh(prefix)
  }

  /** Names a value. */
  let(value: string, prefix = 't'): string {
    const name = this.#writer.fresh(prefix)
    this.lines.push(`let ${name} = ${value};`)
    return name
  }

  /** Names a variable. */
  var(value: string, prefix = 'r'): string {
    const name = this.#writer.fresh(prefix)
    this.lines.push(`var ${name} = ${value};`)
    return name
  }

  /** Lines inside `head { … }`. */
  nest(head: string, body: (inner: Block) => void): void {
    const inner = new Block(this.#writer)
    body(inner)
    this.lines.push(`${head} {`, ...inner.lines.map((l) => `  ${l}`), '}')
  }
}

/** What `main` needs besides the workgroup's number `wg`, how many there are, `nwg`, and the invocation's number in it, `lid`. */
export type Entry = {
  readonly size: readonly [number, number, number]
  readonly body: Block
  readonly workgroups: readonly [number, number, number]
  /** Further built-in arguments, by name: `{ lane: 'subgroup_invocation_id' }`. */
  readonly builtins?: Readonly<Record<string, string>>
  /** `enable` directives: subgroups, f16. */
  readonly enables?: readonly string[]
}

/** The parts of a shader. */
export class ShaderWriter {
  readonly params = new Params()
  /** Has the adapter 16-bit floats of its own? */
  readonly f16: boolean
  readonly #uses: readonly Use[]
  readonly #types = new Map<number, ElementType>()
  readonly #functions = new Map<string, string>()
  readonly #globals = new Set<string>()
  #names = 0

  constructor(uses: readonly Use[], { f16 = false }: Partial<Pick<Capabilities, 'f16'>> = {}) {
    this.#uses = uses
    this.f16 = f16
  }

  /** A name that is not taken. */
  fresh(prefix: string): string {
    return `${prefix}_${this.#names++}` // i32 and f16 are types
  }

  /** An operand, whose elements are of that type everywhere in the shader. */
  operand(operand: number, type: ElementType): Elements {
    const there = this.#types.get(operand)
    if (there !== undefined && there !== type) throw new Error(`operand ${operand} is both ${there} and ${type}`)
    this.#types.set(operand, type)
    const name = `x${operand}`
    const { windows, access, bytes } = this.#use(operand)
    if (windows === 1) return { at: (a) => `${name}[${a}]`, set: (a, v) => `${name}[${a}] = ${v};` }
    // Which window it is in is found out at each access: values are seldom so large.
    const each = bytes / bytesOf[type]
    const pick = (then: (window: string, address: string) => string, leave: string): string =>
      Array.from({ length: windows }, (_, i) => {
        const own = then(`${name}_${i}`, i === 0 ? 'a' : `a - ${i * each}u`)
        return i === windows - 1 ? own : `if (a < ${(i + 1) * each}u) { ${own}${leave} }`
      }).join(' ')
    this.function(`get_${name}`, (f) => `fn ${f}(a: u32) -> ${type} { ${pick((w, a) => `return ${w}[${a}];`, '')} }`)
    if (access === 'read_write')
      this.function(
        `set_${name}`,
        (f) => `fn ${f}(a: u32, v: ${type}) { ${pick((w, a) => `${w}[${a}] = v;`, ' return;')} }`,
      )
    return { at: (a) => `get_${name}(${a})`, set: (a, v) => `set_${name}(${a}, ${v});` }
  }

  #use(operand: number): Exclude<Use, Access> {
    const use = this.#uses[operand]!
    return typeof use === 'string' ? { access: use, windows: 1, bytes: 0 } : use
  }

  /** Adds a function, once. `write` gives its text under that name. */
  function(name: string, write: (name: string) => string): string {
    if (!this.#functions.has(name)) {
      this.#functions.set(name, '') // its place, after those it calls
      const text = write(name)
      this.#functions.delete(name)
      this.#functions.set(name, text)
    }
    return name
  }

  /** Adds a module-scope declaration, once, such as a workgroup variable. */
  global(declaration: string): void {
    this.#globals.add(declaration)
  }

  /** A number that the compiler must not know: what it knows to be NaN or ∞ is an error. */
  private(name: string, value: string): void {
    this.global(`var<private> ${name} = ${value};`)
  }

  /** The shader. */
  finish({ size, body, workgroups, builtins = {}, enables = [] }: Entry): Shader {
    const bindings = [...this.#types.keys()]
      .sort((a, b) => a - b)
      .flatMap((operand) => {
        const { access, windows } = this.#use(operand)
        return Array.from({ length: windows }, (_, window) => ({ operand, access, window }))
      })
    const declared = bindings.map(({ operand, access, window }, i) => {
      const name = this.#use(operand).windows === 1 ? `x${operand}` : `x${operand}_${window}`
      return `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: array<${this.#types.get(operand)!}>;\n`
    })
    const half = [...this.#types.values()].some((t) => t.includes('f16'))
    const extra = Object.entries(builtins).map(([name, builtin]) => `, @builtin(${builtin}) ${name}: u32`)
    const code = [
      ...[...enables, ...(half ? ['f16'] : [])].map((e) => `enable ${e};\n`),
      this.params.declaration,
      ...declared,
      ...[...this.#globals].map((g) => `${g}\n`),
      ...[...this.#functions.values()].map((f) => `${f}\n`),
      `@compute @workgroup_size(${size.join(', ')})\n`,
      `fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32${extra.join('')}) {\n`,
      ...body.lines.map((l) => `  ${l}\n`),
      '}\n',
    ]
    return { code: code.join(''), params: this.params.words, bindings, workgroups }
  }
}
