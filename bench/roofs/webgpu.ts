/** The most that a WebGPU adapter can compute and copy. */

const invocations = 65536
const chains = 8
const unrolled = 32
const turns = 64
const floats = 2 ** 23

const numbers = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)

const multiplyAdd = `
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
  let x = y[0]; let c = y[1];
  ${numbers(chains)
    .map((i) => `var a${i} = f32(${i}u + g.x);`)
    .join(' ')}
  for (var k = 0; k < ${turns}; k++) {
    ${numbers(unrolled)
      .map(() =>
        numbers(chains)
          .map((i) => `a${i} = fma(a${i}, x, c);`)
          .join(' '),
      )
      .join('\n    ')}
  }
  y[g.x] = ${numbers(chains)
    .map((i) => `a${i}`)
    .join(' + ')};
}`

const copying = `
@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) { y[g.x] = x[g.x]; }`

/** Multiplications and additions, and bytes read and written by a copy, in 10⁹ a second. */
export const webgpuRoof = async (gpu: GPUDevice): Promise<{ readonly gflops: number; readonly copy: number }> => {
  const usage = GPUBufferUsage.STORAGE
  const [x, y] = [0, 1].map(() => gpu.createBuffer({ size: 4 * floats, usage }))
  const best = async (code: string, buffers: readonly GPUBuffer[], workgroups: number): Promise<number> => {
    const module = gpu.createShaderModule({ code })
    const pipeline = await gpu.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } })
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }))
    const group = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries })
    const once = async (): Promise<number> => {
      const encoder = gpu.createCommandEncoder()
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      pass.dispatchWorkgroups(workgroups)
      pass.end()
      const from = performance.now()
      gpu.queue.submit([encoder.finish()])
      await gpu.queue.onSubmittedWorkDone()
      return performance.now() - from
    }
    let least = await once() // compiles
    for (let i = 0; i < 4; i++) least = Math.min(least, await once())
    return least
  }
  const compute = await best(multiplyAdd, [y!], invocations / 64)
  const copy = await best(copying, [y!, x!], floats / 4 / 64)
  x!.destroy()
  y!.destroy()
  return {
    gflops: (2 * invocations * chains * unrolled * turns) / compute / 1e6,
    copy: (2 * 4 * floats) / copy / 1e6,
  }
}
