/** One line of work: programs run in the order in which they were called, and the event loop turns between them. */

type Job = () => Promise<void>

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === 'function') return void setImmediate(resolve)
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = (): void => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })

let tail: Promise<void> = Promise.resolve()

/** Runs a job after all those before it. Its failure is its own: it stops no other. */
export const enqueue = (job: Job): Promise<void> => {
  const done = tail.then(turn).then(job)
  tail = done.catch(() => undefined)
  return done
}
