/** A shader being written: parameters, bindings, functions and names, whichever family of kernels it is for. */
import { Params } from './params.ts'
import type { Access, Shader } from './shader.ts'

/** How a binding's elements are typed: what is loaded at once. */
export type ElementType = 'f32' | 'i32' | 'u32' | 'vec2f' | 'vec4f' | 'vec4i' | 'vec4u' | 'vec2u'

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
  readonly #access: readonly Access[]
  readonly #types = new Map<number, ElementType>()
  readonly #functions = new Map<string, string>()
  readonly #globals = new Set<string>()
  #names = 0

  constructor(access: readonly Access[]) {
    this.#access = access
  }

  /** A name that is not taken. */
  fresh(prefix: string): string {
    return `${prefix}_${this.#names++}` // i32 and f16 are types
  }

  /** The array of an operand, whose elements are of that type everywhere in the shader. */
  operand(operand: number, type: ElementType): string {
    const there = this.#types.get(operand)
    if (there !== undefined && there !== type) throw new Error(`operand ${operand} is both ${there} and ${type}`)
    this.#types.set(operand, type)
    return `x${operand}`
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
      .map((operand) => ({ operand, access: this.#access[operand]! }))
    const declared = bindings.map(
      ({ operand, access }, i) =>
        `@group(0) @binding(${i + 1}) var<storage, ${access}> x${operand}: array<${this.#types.get(operand)!}>;\n`,
    )
    const extra = Object.entries(builtins).map(([name, builtin]) => `, @builtin(${builtin}) ${name}: u32`)
    const code = [
      ...enables.map((e) => `enable ${e};\n`),
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
