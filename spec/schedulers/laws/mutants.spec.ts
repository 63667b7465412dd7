import { describe, expect, it } from 'vitest'
import { laws, rules } from '../../../src/laws/index.ts'
import { misparametrized, mutants, type Mutant } from './mutants.ts'

const all = [...mutants, misparametrized]
const check = ({ make, traits, killedBy }: Mutant, runs: number): (() => void) =>
  laws(make, traits, { runs }).find((l) => l.number === killedBy)!.check

describe('every law is needed', () => {
  it.each(all)('law $killedBy finds $name', ({ fault, ...mutant }) => {
    expect(
      check({ ...mutant, fault, make: (n) => fault(mutant.make(n)), traits: faulty(mutant.traits, fault) }, 20),
    ).toThrow()
  })
  it.each(mutants)('law $killedBy holds without: $name', (mutant) => {
    expect(check(mutant, 2)).not.toThrow()
  })
  it('there is a mutant for every one, and more than 25', () => {
    expect(mutants.length).toBeGreaterThan(25)
    expect([...new Set(all.map((m) => m.killedBy))].sort((a, b) => a - b)).toEqual(
      rules.map((r) => r.number).sort((a, b) => a - b),
    )
  })
})

const faulty = (traits: Mutant['traits'], fault: Mutant['fault']): Mutant['traits'] =>
  traits.refined === undefined ? traits : { ...traits, refined: (n) => fault(traits.refined!(n)) }
