/** Draws a few steps from the shipped checkpoint on the backend that the address names, and leaves the pixels where the spec finds them. */
import { DDPM, backend, backendName, ddpm, http, load, orThrow, seed, useBackend } from 'diffold'

type Outcome = { readonly backend: string; readonly pixels: readonly number[] } | { readonly error: string }

const draw = async (name: string, steps: number): Promise<Outcome> => {
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

const asked = new URLSearchParams(location.search)
const outcome = await draw(asked.get('backend') ?? 'wasm', Number(asked.get('steps') ?? 3)).catch(
  (error: unknown): Outcome => ({ error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }),
)
Object.assign(window, { outcome })
