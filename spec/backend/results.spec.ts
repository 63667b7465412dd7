import { describe, expect, it } from 'vitest'
import { compile, read } from '../../src/backend/compile.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'

describe.each(['wasm', 'host', 'tfjs-cpu'] as const)('a result on %s', (backend) => {
  it('may be part of an expression that another program is given', async () => {
    const double = compile((x: Tensor) => x.mul(2), { backend })
    const once = double(tensor([1, 2, 3], [3]))
    expect([...(await read(double(once.add(1))))]).toEqual([6, 10, 14])
  })
  it('may be captured by another program', async () => {
    const once = compile((x: Tensor) => x.mul(2), { backend })(tensor([1, 2, 3], [3]))
    expect([...(await read(compile((x: Tensor) => x.add(once), { backend })(tensor([1], [1]))))]).toEqual([3, 5, 7])
  })
})
