/** WebGPU for programs that take whatever adapter there is. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { softwareAdapter } from './software-adapter.ts'

const probe = fileURLToPath(new URL('./probe-adapter.ts', import.meta.url))

/**
 * Leaves this process's WebGPU to the machine where it has an adapter, and makes the software adapter from npm its GPU where it has none;
 * why it cannot, or undefined. Whether the machine has one, another process finds out: Dawn would not look again.
 */
export const anyAdapter = (): string | undefined => {
  const { status } = spawnSync(process.execPath, [...process.execArgv, probe], { stdio: 'ignore', timeout: 60_000 })
  return status === 0 ? undefined : softwareAdapter()
}
