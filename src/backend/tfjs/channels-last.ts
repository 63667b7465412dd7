/** Convolutions as TensorFlow.js computes them: channels last, with the transpositions in the graph, where they cancel or are done once. */
import * as build from '../../graph/build.ts'
import type { Call, Conv, ConvGeometry, Node } from '../../graph/node.ts'
import { rewrite } from '../../graph/rewrite.ts'
import type { Pass } from '../../passes/pass.ts'

/** The name of the call that stands for a convolution of x [N, H, W, C] with w [h, w, C / groups, O]. */
export const convolution = 'convChannelsLast'

/** The geometry kept in such a call's options. */
export const geometryOf = (n: Call): ConvGeometry => {
  const list = (key: string): readonly number[] => n.options[key] as readonly number[]
  const [sy, sx] = list('stride') as [number, number]
  const [dy, dx] = list('dilation') as [number, number]
  const [top, bottom, left, right] = list('padding') as [number, number, number, number]
  return {
    stride: [sy, sx],
    dilation: [dy, dx],
    padding: [top, bottom, left, right],
    groups: n.options['groups'] as number,
  }
}

const lowered = (n: Conv): Node => {
  const { stride, padding, dilation, groups } = n.geometry
  const x = build.permute([0, 2, 3, 1], n.x)
  const w = build.permute([2, 3, 1, 0], n.w)
  const y = build.call(convolution, { stride, padding, dilation, groups }, [x, w], ([a, b]) =>
    build.permute(
      [0, 2, 3, 1],
      build.conv(n.geometry, build.permute([0, 3, 1, 2], a!), build.permute([3, 2, 0, 1], b!)),
    ),
  )
  return build.permute([0, 3, 1, 2], y)
}

/** Every convolution in channels-last form. */
export const channelsLast: Pass = {
  name: 'channels last',
  run: (graph) => rewrite(graph, (n) => (n._tag === 'Conv' ? lowered(n) : n)),
}
