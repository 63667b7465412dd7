/** Draws a few steps from the shipped checkpoint on the backend that the address names, and leaves the pixels where the spec finds them. */
import { DDPM, backend, backendName, ddpm, http, load, orThrow, seed, useBackend } from 'diffold'

type Drawn = { readonly backend: string; readonly pixels: readonly number[] }

const draw = async (name: string, steps: number): Promise<Drawn> => {
  const chosen = backendName(name)
  useBackend(chosen)
  const model = await orThrow(load(DDPM, http(new URL('checkpoint', location.href).href)))
  const image = await ddpm(model, { steps })(seed(0))
  const canvas = document.querySelector('canvas')!
  canvas
    .getContext('2d')!
    .putImageData(new ImageData(new Uint8ClampedArray(image.rgba), image.width, image.height), 0, 0)
  return { backend: (await backend(chosen)).description, pixels: [...image.rgba] }
}

/** The longest time in which the page could do nothing else, and that of a step, in milliseconds, while it draws so many pictures at once. */
const watch = async (name: string, count: number): Promise<unknown> => {
  const on = backendName(name)
  const model = await orThrow(load(DDPM, http(new URL('checkpoint', location.href).href)))
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

const asked = new URLSearchParams(location.search)
const name = asked.get('backend') ?? 'wasm'
const count = asked.get('count')
const doing = count === null ? draw(name, Number(asked.get('steps') ?? 3)) : watch(name, Number(count))
const outcome = await doing.catch((error: unknown) => ({
  error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
}))
Object.assign(window, { outcome })
