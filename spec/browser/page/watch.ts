/** How long a page can do nothing else while it draws. */
import { backend, backendName, ddpm, seed } from 'diffold'
import { checkpoint } from './checkpoint.ts'

/** The longest time in which the page could do nothing else, and that of a step, in milliseconds, while it draws so many pictures at once. */
export const watch = async (asked: URLSearchParams): Promise<unknown> => {
  const on = backendName(asked.get('backend') ?? 'wasm')
  const count = Number(asked.get('count') ?? 1)
  const model = await checkpoint()
  const steps: number[] = []
  const ticks: number[] = []
  const clock = setInterval(() => ticks.push(performance.now()), 5)
  for await (const { step } of ddpm(model, { steps: 4 }).states(seed(0), { backend: on, count })) {
    if (step === 1) ticks.length = 0 // with the first one it compiles
    steps.push(performance.now())
  }
  clearInterval(clock)
  const gaps = (times: readonly number[]): number[] => times.slice(1).map((t, i) => t - times[i]!)
  const described = (await backend(on)).description
  return { backend: described, blocked: Math.max(...gaps(ticks)), step: Math.min(...gaps(steps)) }
}
