import { expect, test } from 'vitest'
import { flatten } from '../../../src/codegen/wasm/bytes.ts'
import { hoisted } from '../../../src/codegen/wasm/hoist.ts'
import { Body } from '../../../src/codegen/wasm/module.ts'
import { f32x4, get, loop, set, type Code } from '../../../src/codegen/wasm/op.ts'

const code = (f: (body: Body) => Code): { readonly bytes: string; readonly locals: number } => {
  const body = new Body([])
  const bytes = [...flatten(hoisted(() => body.local('v128'), f(body)))].join()
  return { bytes, locals: body.types.length }
}

test('constants of a loop are made before it, each once', () => {
  const x = 0
  const sum = (c: Code): Code => set(x, f32x4.add(get(x), c))
  const { bytes, locals } = code((body) => [
    set(body.local('v128'), f32x4.const(0)),
    loop([sum(f32x4.const(3)), loop(sum(f32x4.const(3))), sum(f32x4.const(0))]),
    sum(f32x4.const(5)),
  ])
  const [three, zero, five] = [3, 0, 5].map((n) => [...flatten(f32x4.const(n))].join()) as [string, string, string]
  expect(bytes.startsWith(`${three},33,1`)).toBe(true)
  expect(bytes.split(three)).toHaveLength(2)
  // Zeros are as cheap as a local, and what is made once may be made where it is.
  expect(bytes.split(zero)).toHaveLength(3)
  expect(bytes.endsWith(`${five},253,228,1,33,0`)).toBe(true)
  expect(locals).toBe(2)
})
