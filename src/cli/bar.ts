/** How far a drawing is. */
import { SingleBar } from 'cli-progress'

/** A bar on stderr, or nothing of it. */
export type Bar = { readonly at: (step: number, steps: number) => void; readonly end: () => void }

/** A bar of so many steps, until the drawing says that there are others. */
export const bar = (quiet: boolean, steps: number): Bar => {
  if (quiet) return { at: () => undefined, end: () => undefined }
  const drawn = new SingleBar({
    format: '  {bar} {value}/{total} steps, {duration_formatted} (about {eta_formatted} left)',
    stream: process.stderr,
    noTTYOutput: !process.stderr.isTTY,
    notTTYSchedule: 2000,
    hideCursor: true,
  })
  drawn.start(steps, 0)
  const at = (step: number, all: number): void => {
    drawn.setTotal(all)
    drawn.update(step)
  }
  return { at, end: () => drawn.stop() }
}
