import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { convergenceSheet } from '../examples/plots/convergence-sheet.ts'
import { gridPanels } from '../examples/plots/grids.ts'
import { gridsSheet } from '../examples/plots/grids-sheet.ts'
import { pageWith } from '../examples/plots/page.ts'
import { svgOf } from '../examples/plots/sheet.ts'
import { curveOf, curvesOf, methods } from '../examples/plots/subjects.ts'
import { families } from '../src/schedulers/by-name.ts'

const docs = fileURLToPath(new URL('../docs/', import.meta.url))
const text = (file: string): string => readFileSync(docs + file, 'utf8')
const curves = curvesOf(text('schedulers/convergence.tsv'))

describe('docs/schedulers', () => {
  it('has the grids of today', () => {
    expect(svgOf(gridsSheet(gridPanels()))).toBe(text('schedulers/grids.svg'))
  })
  it('has the picture of its numbers', () => {
    expect(svgOf(convergenceSheet(curves))).toBe(text('schedulers/convergence.svg'))
  })
  it('has the tables of its numbers and of the configs', () => {
    expect(pageWith(text('schedulers.md'), curves)).toBe(text('schedulers.md'))
  })
  it('says something of every family, with the defaults of its config', () => {
    const page = text('schedulers.md')
    const silent = Object.entries(families).filter(
      ([name, { className }]) => !page.includes(`\`${name}\``) || !page.includes(className),
    )
    expect(silent.map(([name]) => name)).toEqual([])
  })
  // All budgets take half a minute: the script measures those.
  it.each(methods.map((m, i) => [curves[i]!.name, m, curves[i]!] as const))(
    '%s measures what is written',
    (_, method, curve) => {
      const { points } = curveOf(method, [8, 16, 32])
      points.forEach(({ calls, error }, i) => {
        expect(calls).toBe(curve.points[i]!.calls)
        expect(error / curve.points[i]!.error).toBeCloseTo(1, 4)
      })
    },
  )
})
