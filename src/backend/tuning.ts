/** Measuring kernels on the device at hand: what is asked for, and what is told. */

/** Why what was remembered is not used. */
export type Ignored = {
  /** It cannot be read, is not what is written there, or is of another adapter. */
  readonly reason: 'unreadable' | 'corrupt' | 'foreign'
  readonly where: string
  readonly message: string
}

/** News of tuning. */
export type Tuned =
  /** A way to compute a kernel has been measured: the `done`th of the `total` that were not known. */
  | {
      readonly _tag: 'Measured'
      readonly done: number
      readonly total: number
      readonly label: string
      readonly variant: string
      readonly ms: number
    }
  | ({ readonly _tag: 'Ignored' } & Ignored)
  /** What was measured serves this process, but could not be written down. */
  | { readonly _tag: 'Unsaved'; readonly where: string; readonly message: string }

/** How programs are tuned. */
export type TuneOptions = {
  /**
   * Milliseconds for each program, 2000 unless told. Nothing begins that is likely to end later, judged by what came before; what has begun is
   * waited for, so one compilation or one run of a kernel may still be late, the first of all or one on a machine that is suddenly busy. What there
   * was no time for is left for the next process.
   */
  readonly budget?: number
  /** Is told what happens. */
  readonly progress?: (news: Tuned) => void
  /** Where choices are remembered: a folder in Node, the name of a database in a browser; nowhere if false. */
  readonly cache?: string | false
}

let wanted: boolean | TuneOptions | undefined

/** Tunes programs that do not say themselves whether to, whatever `DIFFOLD_TUNE` says. */
export const useTuning = (tune: boolean | TuneOptions): void => {
  wanted = tune
}

const fromEnvironment = (): boolean => {
  const text = typeof process === 'undefined' ? undefined : process.env?.['DIFFOLD_TUNE']
  return text !== undefined && /^(1|on|yes|true)$/i.test(text)
}

/** How to tune a program, if at all, given what was asked of it. */
export const tuningOf = (asked: boolean | TuneOptions | undefined): TuneOptions | undefined => {
  const tune = asked ?? wanted ?? fromEnvironment()
  return tune === true ? {} : tune === false ? undefined : tune
}
