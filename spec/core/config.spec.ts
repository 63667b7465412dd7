import { either as E } from 'fp-ts'
import * as t from 'io-ts'
import { describe, expect, it } from 'vitest'
import { consistent, decodeConfig, defaulted, integer, nullable, oneOf } from '../../src/core/config.ts'

const codec = consistent(
  t.type({
    act_fn: defaulted(oneOf('silu', 'gelu'), 'silu'),
    groups: defaulted(integer(1), 32),
    scale: defaulted(nullable(t.number), null),
    channels: t.array(integer(1)),
  }),
  (c) =>
    c.channels.every((n) => n % c.groups === 0) ? [] : [{ field: 'groups', why: 'does not divide the channels' }],
)
const message = (json: unknown): string => {
  const r = decodeConfig(codec, json)
  return E.isLeft(r) ? r.left.message : 'right'
}

describe('configs', () => {
  it('take defaults, keep what they do not know, and say so', () => {
    const r = decodeConfig(codec, { channels: [32, 64], _class_name: 'X', resnet_input_channels: null })
    expect(E.isRight(r) && r.right).toMatchObject({
      config: { act_fn: 'silu', groups: 32, scale: null, channels: [32, 64] },
      raw: { channels: [32, 64], _class_name: 'X', resnet_input_channels: null },
      unknown: ['resnet_input_channels'],
    })
  })
  it('name the field, its value and what is allowed', () => {
    expect(message({ channels: [32], act_fn: 'tanh' })).toBe('act_fn: "tanh" is not supported; allowed: silu, gelu')
    expect(message({ channels: [32], groups: 0 })).toContain(
      'groups: 0 is not supported; allowed: a whole number from 1',
    )
    expect(message({})).toContain('channels')
    expect(message({ channels: [33] })).toContain('groups: 32 does not divide the channels')
    expect(message([])).toBe('config: [] is no config; allowed: an object')
    expect(message({ channels: [32], scale: 'x' })).toContain('scale: "x"')
  })
})
