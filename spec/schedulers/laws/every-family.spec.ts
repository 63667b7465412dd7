import { describe, it } from 'vitest'
import { laws } from '../../../src/laws/index.ts'
import { subjects } from './subjects.ts'

describe.each(subjects)('$name', ({ make, traits }) => {
  for (const { name, check } of laws(make, traits, { runs: 12 })) it(name, check)
})
