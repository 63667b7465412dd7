import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FileError } from '../../src/errors.ts'
import { zipMembers, type Member } from '../../src/params/zip.ts'
import { bytes, le, zip, type ZipMember } from './pickles.ts'

/** The members of an archive, and how many bytes were read for them. */
const open = async (archive: Uint8Array): Promise<{ members: ReadonlyMap<string, Member>; most: number }> => {
  let most = 0
  const members = await zipMembers('x.zip', archive.length, async (start, end) => {
    if (!(0 <= start && start <= end && end <= archive.length)) throw new Error(`read ${start} to ${end}`)
    most = Math.max(most, end - start)
    return archive.slice(start, end)
  })
  return { members, most }
}
const refusal = (archive: Uint8Array): Promise<FileError> =>
  open(archive).then(
    () => Promise.reject(new Error('was expected to fail')),
    (error: unknown) => {
      expect(error).toBeInstanceOf(FileError)
      expect(error).toMatchObject({ path: 'x.zip' })
      return error as FileError
    },
  )
const data = Buffer.from('hello')

describe('an archive', () => {
  it('has members, and says where their bytes are', async () => {
    const archive = zip([
      { name: 'a/b', data },
      { name: 'é', data: Buffer.from('you') },
      { name: 'empty', data: bytes() },
    ])
    const { members } = await open(archive)
    const found = await Promise.all(
      [...members.values()].map(async ({ name, size, locate }) => {
        const start = await locate()
        return [name, Buffer.from(archive.slice(start, start + size)).toString()]
      }),
    )
    expect(found).toEqual([
      ['a/b', 'hello'],
      ['é', 'you'],
      ['empty', ''],
    ])
  })
  it('may be empty', async () => {
    expect((await open(zip([]))).members.size).toBe(0)
  })
  it('may end in a comment', async () => {
    const archive = zip([{ name: 'a', data }])
    archive.set(le(3, 2), archive.length - 2)
    expect((await open(bytes(archive, 'abc'))).members.size).toBe(1)
  })
  it('may be zip64', async () => {
    const field = (id: number, ...wide: readonly number[]): Uint8Array =>
      bytes(le(id, 2), le(8 * wide.length, 2), ...wide.map((n) => le(n, 8)))
    const local = bytes('PK\x03\x04', le(0, 14), le(2 ** 32 - 1, 8), le(1, 2), le(0, 2), 'a', data)
    const extra = bytes(field(9, 1), field(1, 5, 5, 0))
    const sizes = bytes(...Array<Uint8Array>(2).fill(le(2 ** 32 - 1, 4)))
    const entry = bytes('PK\x01\x02', le(0, 16), sizes, le(1, 2), le(extra.length, 2), le(0, 10), le(2 ** 32 - 1, 4))
    const directory = bytes(entry, 'a', extra)
    const at = local.length + directory.length
    const archive = bytes(
      ...[local, directory],
      ...['PK\x06\x06', le(44, 8), le(0, 12), le(1, 8), le(1, 8), le(directory.length, 8), le(local.length, 8)],
      ...['PK\x06\x07', le(0, 4), le(at, 8), le(1, 4)],
      ...[
        'PK\x05\x06',
        le(0, 4),
        le(2 ** 16 - 1, 2),
        le(2 ** 16 - 1, 2),
        le(2 ** 32 - 1, 4),
        le(2 ** 32 - 1, 4),
        le(0, 2),
      ],
    )
    const member = (await open(archive)).members.get('a')!
    expect([member.size, await member.locate()]).toEqual([5, 31])
  })
})

describe('what is no archive, or one made to mislead, is refused', () => {
  const two = (second: Partial<ZipMember>): Uint8Array =>
    zip([
      { name: 'a', data },
      { name: 'b', data, ...second },
    ])
  it.each<readonly [string, Uint8Array]>([
    ['nothing', bytes()],
    ['a text', Buffer.from('PK is no archive')],
    ['an end without a directory', zip([], { offset: 99 })],
    ['a directory beyond the file', zip([{ name: 'a', data }], { offset: 2 ** 31 })],
    ['a directory longer than the file', zip([{ name: 'a', data }], { size: 2 ** 31 })],
    ['more entries than fit', zip([{ name: 'a', data }], { count: 65_000 })],
    ['one entry too many', zip([{ name: 'a'.repeat(60), data }], { count: 2 })],
    ['a directory somewhere else', zip([{ name: 'a', data }], { offset: 0 })],
    ['the same name twice', two({ name: 'a' })],
    ['entries that overlap', two({ start: 0 })],
    ['entries that overlap in part', two({ start: 20 })],
    [
      'an entry that reaches into the next',
      zip([
        { name: 'a', data, packed: 20, plain: 20 },
        { name: 'b', data },
      ]),
    ],
    ['an entry that reaches into the directory', two({ packed: 6, plain: 6 })],
    ['an entry that reaches beyond the file', two({ packed: 2 ** 31, plain: 2 ** 31 })],
    ['an entry that begins beyond the file', two({ start: 2 ** 31 })],
    ['an entry that begins within the directory', two({ start: 80 })],
    ['a name that climbs', two({ name: '../../etc/passwd' })],
    ['a name that climbs in the middle', two({ name: 'a/../../b' })],
    ['an absolute name', two({ name: '/etc/passwd' })],
    ['a name of Windows that climbs', two({ name: '..\\b' })],
    ['a name with a zero', two({ name: 'a\0b' })],
    [
      'a zip64 locator to nowhere',
      bytes('PK\x06\x07', le(0, 4), le(2n ** 63n, 8), le(1, 4), zip([], { count: 0xffff })),
    ],
    [
      'a zip64 locator to something else',
      bytes('PK\x06\x07', le(0, 4), le(0, 8), le(1, 4), zip([], { count: 0xffff })),
    ],
  ])('%s', async (_, archive) => {
    expect(await refusal(archive)).toMatchObject({ problem: 'corrupt' })
  })
  it.each<readonly [string, Partial<ZipMember>]>([
    ['is compressed, as a bomb is', { method: 8, plain: 2 ** 32 - 2 }],
    ['is stored, but says it were longer', { plain: 2 ** 31 }],
    ['is encrypted', { flags: 1 }],
    ['is not where it should be', { data: Buffer.alloc(40), packed: 5, plain: 5, start: 38 }],
  ])('a member that %s', async (_, member) => {
    const { members } = await open(
      zip([
        { name: 'a', data },
        { name: 'b', data, ...member },
      ]),
    )
    await expect(members.get('b')!.locate()).rejects.toBeInstanceOf(FileError)
  })
  it('unread but for its directory', async () => {
    const archive = zip([{ name: 'a', data: Buffer.alloc(200_000) }])
    expect((await open(archive)).most).toBeLessThanOrEqual(65_557)
  })
})

it('any bytes are an archive or a FileError', async () => {
  const whole = zip([
    { name: 'm/data.pkl', data },
    { name: 'm/data/0', data },
  ])
  const total = async (archive: Uint8Array): Promise<void> => {
    try {
      for (const member of (await open(archive)).members.values()) {
        const start = await member.locate()
        expect(start + member.size).toBeLessThanOrEqual(archive.length)
      }
    } catch (error) {
      if (!(error instanceof FileError)) throw error
    }
  }
  for (let end = 0; end < whole.length; end++) await total(whole.slice(0, end))
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(changes, async (list) => {
      const changed = whole.slice()
      for (const [at, value] of list) changed[at] = value
      await total(changed)
    }),
    { numRuns: 3000 },
  )
})
