import { describe, expect, it } from 'vitest'
import { Residents } from '../../src/backend/residents.ts'

describe('values that programs have in common', () => {
  it('are freed after the last program, also where one program needs a value twice', () => {
    const freed: string[] = []
    const residents = new Residents<string>((block) => void freed.push(block))
    // One program computes a value twice, another takes it once; then the first goes.
    expect(residents.keep('zeros', 'a')).toBe('a')
    expect(residents.keep('zeros', 'b')).toBe('a')
    expect(residents.take('zeros')).toBe('a')
    residents.release(['zeros', 'zeros'])
    expect(freed).toEqual([])
    residents.release(['zeros'])
    expect(freed).toEqual(['a'])
    expect(residents.take('zeros')).toBeUndefined()
  })
})
