/**
 * Every error the library raises. Bad data (files, network, checkpoints, devices) arrives as the `Left` of an `Either` or
 * `TaskEither`; a bad program is thrown while it is being traced, on the line that wrote it.
 */

// Structural, so that the vocabulary can raise errors without errors knowing the vocabulary.
type Shape = readonly number[]
type DType = string

const named = (shape: Shape): string => `[${shape.join(', ')}]`

/** Shapes that do not fit an op. `op` names it, `shapes` are its operands', `labels` the parameters among them. */
export class ShapeError extends TypeError {
  readonly _tag = 'ShapeError'
  readonly op: string
  readonly shapes: readonly Shape[]
  readonly labels: readonly string[]
  constructor(op: string, shapes: readonly Shape[], why = 'do not broadcast', labels: readonly string[] = []) {
    super(
      `${op}: ${shapes.map(named).join(' and ')} ${why}` +
        (labels.length > 0 ? ` (parameters: ${labels.join(', ')})` : ''),
    )
    this.name = 'ShapeError'
    this.op = op
    this.shapes = shapes
    this.labels = labels
  }
}

/** Element types that do not fit an op. The remedy is an explicit cast, `x.to('f32')`. */
export class DTypeError extends TypeError {
  readonly _tag = 'DTypeError'
  readonly op: string
  readonly dtypes: readonly DType[]
  constructor(op: string, dtypes: readonly DType[], why: string) {
    super(`${op}: ${dtypes.join(' and ')} ${why}`)
    this.name = 'DTypeError'
    this.op = op
    this.dtypes = dtypes
  }
}

/** A program that cannot be: a value read before it is bound, a noise stream read past its end, a result used after disposal. */
export class ProgramError extends Error {
  readonly _tag = 'ProgramError'
  constructor(message: string) {
    super(message)
    this.name = 'ProgramError'
  }
}

/**
 * A program that a pass has broken, which is a fault of ours: `pass` names it, `violations` say which kernel and which operand break what rule.
 */
export class PassError extends Error {
  readonly _tag = 'PassError'
  readonly pass: string
  readonly violations: readonly { readonly rule: string; readonly message: string }[]
  constructor(pass: string, violations: PassError['violations']) {
    super(`${pass}: ${violations.map((v) => v.message).join('\n  ')}`)
    this.name = 'PassError'
    this.pass = pass
    this.violations = violations
  }
}

/** A configuration field whose value is unknown, unsupported or in contradiction with another. `allowed` lists what is possible. */
export class ConfigError extends Error {
  readonly _tag = 'ConfigError'
  readonly field: string
  readonly value: unknown
  readonly allowed: readonly string[]
  constructor(field: string, value: unknown, allowed: readonly string[], why = 'is not supported') {
    super(`${field}: ${JSON.stringify(value)} ${why}` + (allowed.length > 0 ? `; allowed: ${allowed.join(', ')}` : ''))
    this.name = 'ConfigError'
    this.field = field
    this.value = value
    this.allowed = allowed
    this.#why = why
  }
  readonly #why: string
  /** The same error, saying in which file the field is. */
  at(file: string): ConfigError {
    return new ConfigError(`${file}: ${this.field}`, this.value, this.allowed, this.#why)
  }
}

/** What can go wrong with a file, by the thing that is wrong with it. */
export type FileProblem = 'missing' | 'unreadable' | 'corrupt' | 'unsupported' | 'escapes' | 'network'

/** A file of a checkpoint that cannot be used: `path` says which, `problem` the kind, the message the particulars. */
export class FileError extends Error {
  readonly _tag = 'FileError'
  readonly path: string
  readonly problem: FileProblem
  constructor(path: string, problem: FileProblem, detail: string) {
    super(`${path}: ${detail}`)
    this.name = 'FileError'
    this.path = path
    this.problem = problem
  }
}

/** A checkpoint whose tensors are not those its config calls for: every one of them, by its checkpoint name, in one report. */
export class CheckpointError extends Error {
  readonly _tag = 'CheckpointError'
  readonly component: string
  readonly problems: readonly string[]
  constructor(component: string, problems: readonly string[]) {
    super(
      `${component}: ${problems.length} problem${problems.length === 1 ? '' : 's'}\n${problems.map((p) => `  ${p}`).join('\n')}`,
    )
    this.name = 'CheckpointError'
    this.component = component
    this.problems = problems
  }
}

/** Whatever can keep a checkpoint from being loaded. */
export type LoadError = FileError | ConfigError | CheckpointError

/** A device that is absent, refused, out of memory or lost. `backend` names it. */
export class DeviceError extends Error {
  readonly _tag = 'DeviceError'
  readonly backend: string
  constructor(backend: string, message: string) {
    super(`${backend}: ${message}`)
    this.name = 'DeviceError'
    this.backend = backend
  }
}
