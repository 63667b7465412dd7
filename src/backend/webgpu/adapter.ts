/** The WebGPU of this machine: the browser's, or in Node that of the optional package `webgpu`. */

const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined

/** What a WebGPU adapter says of itself, or why there is none. */
export type Adapter = { readonly found: boolean; readonly software: boolean; readonly description: string }

// Dawn says on the terminal, not to its caller, that there is no Vulkan.
const missingVulkan = (): string | undefined => {
  if (process.platform !== 'linux') return undefined
  try {
    process.dlopen({ exports: {} }, 'libvulkan.so.1')
  } catch (error) {
    if (/cannot open shared object/.test(String(error))) return 'there is no Vulkan (libvulkan.so.1)'
  }
  return undefined
}

let kept: unknown // Dawn's instance: collected, it takes the process with it
const provideGpu = async (): Promise<string | undefined> => {
  if (typeof navigator !== 'undefined' && navigator.gpu !== undefined) return undefined
  if (!isNode) return 'this browser has no WebGPU'
  const vulkan = missingVulkan()
  if (vulkan !== undefined) return vulkan
  const name = 'webgpu' // an optional peer: bundlers must not look for it
  try {
    const dawn = (await import(/* @vite-ignore */ name)) as { create: (flags: string[]) => GPU; globals: object }
    // Pages must not measure one another; programs in Node may have the clock as it is.
    const gpu = dawn.create(['disable-dawn-features=timestamp_quantization'])
    kept = gpu
    Object.assign(globalThis, dawn.globals)
    if (typeof navigator === 'undefined')
      Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true })
    else Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true })
    return kept === undefined ? 'no instance' : undefined
  } catch {
    return "the optional package 'webgpu' is not installed"
  }
}

/** Does waiting for the device keep this thread busy? Dawn in Node asks for news without rest as long as somebody waits for any. */
export const isBusyWaiting = (): boolean => kept !== undefined

/** The kinds of adapters, which differ in what is fast. */
export type AdapterClass = 'lavapipe' | 'swiftshader' | 'gpu'

const textOf = ({ vendor, architecture, device, description }: GPUAdapterInfo): string =>
  [vendor, architecture, device, description].filter((s) => s !== '').join(' ') || 'an unnamed adapter'

/** What kind of adapter it is; software that is neither of the two is likest the first. */
export const classOf = (info: GPUAdapterInfo): AdapterClass => {
  const text = textOf(info)
  if (/swiftshader/i.test(text)) return 'swiftshader'
  return /llvmpipe|lavapipe|software|cpu/i.test(text) ? 'lavapipe' : 'gpu'
}

/** An adapter with what it says of itself; or, as a text, why there is none. */
export const requestAdapter = async (): Promise<
  { readonly adapter: GPUAdapter; readonly description: string } | string
> => {
  const missing = await provideGpu()
  if (missing !== undefined) return missing
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null)
  return adapter === null ? 'WebGPU offers no adapter' : { adapter, description: textOf(adapter.info) }
}

/** The WebGPU adapter at hand. */
export const adapter = async (): Promise<Adapter> => {
  const found = await requestAdapter()
  if (typeof found === 'string') return { found: false, software: false, description: found }
  return { found: true, software: classOf(found.adapter.info) !== 'gpu', description: found.description }
}
