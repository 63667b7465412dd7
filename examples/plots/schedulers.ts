/** Draws docs/schedulers: the noise levels of every family, and how fast its samples converge. `npx tsx examples/plots/schedulers.ts [folder]` */
import { writeFileSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { convergenceSheet } from './convergence-sheet.ts'
import { gridPanels } from './grids.ts'
import { gridsSheet } from './grids-sheet.ts'
import { svgOf } from './sheet.ts'
import { curveOf, methods } from './subjects.ts'

const folder = process.argv[2] ?? fileURLToPath(new URL('../../docs/schedulers', import.meta.url))
mkdirSync(folder, { recursive: true })
writeFileSync(`${folder}/grids.svg`, svgOf(gridsSheet(gridPanels())))

const curves = methods.map((method) => curveOf(method))
writeFileSync(`${folder}/convergence.json`, `${JSON.stringify(curves, undefined, 1)}\n`)
writeFileSync(`${folder}/convergence.svg`, svgOf(convergenceSheet(curves)))
