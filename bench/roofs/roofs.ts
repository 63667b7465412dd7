/** The roofs of every group that is measured. */
import { browserSession } from '../browser/session.ts'
import { limited, nodeSession, type Session } from '../session.ts'
import type { Asked } from '../peers/protocol.ts'
import type { Group, Settings } from '../runners.ts'
import type { Roof } from './roof.ts'
import { wasmRoof } from './wasm.ts'

type Rates = { readonly gflops: number; readonly copy: number; readonly adapter: string }

const limit = 60 // seconds

const told = async (session: Session, group: Group): Promise<Roof> => {
  try {
    const { gflops, copy, adapter } = (await limited(session, limit).ask({ do: 'roof' })) as Rates
    return { group, of: 'webgpu', description: `f32 fma; copy of 32 MiB; ${adapter}`, gflops, copy }
  } finally {
    await session.stop()
  }
}

/** Measures them, one after the other; says which could not be. */
export const roofsFor = async (
  groups: readonly Group[],
  { cache, env }: Settings,
  say: (text: string) => void,
): Promise<readonly Roof[]> => {
  const asked: Asked = {
    runtime: 'diffold',
    backend: 'webgpu',
    threads: 1,
    workload: '',
    cache,
    version: '',
    steps: 1,
    chained: false,
  }
  const ways: Readonly<Record<Group, () => Promise<Roof>>> = {
    cpu1: () => wasmRoof(1),
    cpu2: () => wasmRoof(2),
    gpu: () => told(nodeSession(asked, env), 'gpu'),
    browser: async () => told(await browserSession(asked), 'browser'),
  }
  const roofs: Roof[] = []
  for (const group of groups) {
    say(`roofs: ${group}`)
    await ways[group]().then(
      (roof) => roofs.push(roof),
      (error: unknown) => say(`roofs: ${group} has none: ${error instanceof Error ? error.message : String(error)}`),
    )
  }
  return roofs
}
