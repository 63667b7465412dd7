/** Ctrl-C. */

/**
 * Aborted by the first Ctrl-C. One that comes a second later or more ends the process at once; npm, which passes Ctrl-C on to those who have
 * had it, is faster than that.
 */
export const interrupted = (): AbortSignal => {
  const controller = new AbortController()
  let first = 0
  process.on('SIGINT', () => {
    if (controller.signal.aborted && performance.now() - first > 1000) process.exit(130)
    first ||= performance.now()
    controller.abort()
  })
  return controller.signal
}

/** The promise, or the signal's reason as soon as it is aborted: for work that cannot be told to stop. */
export const unless = <A>(signal: AbortSignal, promise: Promise<A>): Promise<A> =>
  new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    promise.then(resolve, reject)
  })
