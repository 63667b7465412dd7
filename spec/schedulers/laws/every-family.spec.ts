import { describe, it } from 'vitest'
import { laws } from '../../../src/laws/index.ts'
import { subjects } from './subjects.ts'

for (const { name, make, traits } of subjects)
  describe(name, () => {
    for (const law of laws(make, traits, { runs: 3 })) (law.exempt === undefined ? it : it.skip)(law.name, law.check)
  })
