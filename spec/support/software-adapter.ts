/** WebGPU without a GPU: the SwiftShader that lies inside a Chromium from npm, made known to this process's Vulkan loader. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'

const cache = fileURLToPath(new URL('../../node_modules/.cache/diffold/', import.meta.url))

/** The folder of SwiftShader's libraries, unpacked once. */
const unpacked = (): string => {
  const folder = join(cache, 'swiftshader')
  if (existsSync(folder)) return folder
  const chromium = dirname(dirname(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium'))))
  const archive = [chromium, dirname(chromium)].map((d) => join(d, 'bin/swiftshader.tar.br')).find(existsSync)
  if (archive === undefined) throw new Error('@sparticuz/chromium holds no swiftshader.tar.br')
  const fresh = join(cache, `swiftshader.${process.pid}`)
  mkdirSync(fresh, { recursive: true })
  const { status, stderr } = spawnSync('tar', ['-x', '-C', fresh], {
    input: brotliDecompressSync(readFileSync(archive)),
  })
  if (status !== 0) throw new Error(`tar: ${stderr.toString()}`)
  try {
    renameSync(fresh, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error // another process was first
  }
  return folder
}

const keepLoaded = 0x1000 // RTLD_NODELETE of glibc: Node closes what is no addon of its own

/**
 * Makes a software adapter this process's GPU; why it cannot, or undefined. To be called on the main thread before WebGPU starts.
 * `DIFFOLD_ADAPTER=system` leaves the choice to the machine's own Vulkan drivers.
 */
export const softwareAdapter = (): string | undefined => {
  if (process.env['DIFFOLD_ADAPTER'] === 'system') return undefined
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'npm has a software adapter for Linux on x64 only'
  const folder = unpacked()
  process.env['VK_ICD_FILENAMES'] = join(folder, 'vk_swiftshader_icd.json')
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen
  try {
    process.dlopen({ exports: {} }, join(folder, 'libvulkan.so.1'), RTLD_NOW | RTLD_GLOBAL | keepLoaded)
  } catch (error) {
    if (!/self-register/.test(String(error))) throw error // it is no addon, and is loaded all the same
  }
  return undefined
}
