/**
 * Writes docs/schedulers, the pictures and numbers of docs/schedulers.md, and puts the numbers into the page:
 * `npx tsx examples/plots/schedulers.ts`. Given a folder, it writes there and leaves the page alone.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { convergenceSheet } from './convergence-sheet.ts'
import { gridPanels } from './grids.ts'
import { gridsSheet } from './grids-sheet.ts'
import { pageWith } from './page.ts'
import { svgOf } from './sheet.ts'
import { curveOf, curvesOf, methods, tsvOf } from './subjects.ts'

const given = process.argv[2]
const folder = given ?? fileURLToPath(new URL('../../docs/schedulers', import.meta.url))
mkdirSync(folder, { recursive: true })

// Pictures and tables are made from the numbers as they are written, so that they can be made again from the file.
const tsv = tsvOf(methods.map((method) => curveOf(method)))
const curves = curvesOf(tsv)
writeFileSync(`${folder}/convergence.tsv`, tsv)
writeFileSync(`${folder}/convergence.svg`, svgOf(convergenceSheet(curves)))
writeFileSync(`${folder}/grids.svg`, svgOf(gridsSheet(gridPanels())))
if (given === undefined) {
  const page = `${folder}.md`
  writeFileSync(page, pageWith(readFileSync(page, 'utf8'), curves))
}
console.log(`${curves.length} methods measured; pictures and numbers are in ${folder}`)
