/** A few steps of a picture on the backend that the address names. */
import { backend, backendName, ddpm, seed, useBackend } from 'diffold'
import { checkpoint } from './checkpoint.ts'

/** The pixels, and what they were drawn on. */
export const draw = async (asked: URLSearchParams): Promise<unknown> => {
  const chosen = backendName(asked.get('backend') ?? 'wasm')
  useBackend(chosen)
  const image = await ddpm(await checkpoint(), { steps: Number(asked.get('steps') ?? 3) })(seed(0))
  const canvas = document.querySelector('canvas')!
  canvas
    .getContext('2d')!
    .putImageData(new ImageData(new Uint8ClampedArray(image.rgba), image.width, image.height), 0, 0)
  return { backend: (await backend(chosen)).description, pixels: [...image.rgba] }
}
