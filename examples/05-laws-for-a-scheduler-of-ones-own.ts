// Laws for a scheduler of one's own: they hold for DDIM, and find the step that forgot a square root, with a counterexample.
import { ddimScheduler } from 'diffold'
import { laws, type Traits } from 'diffold/laws'

const traits: Traits = { prediction: 'epsilon', order: 1 }
const sound = (steps: number) => ddimScheduler({ clip_sample: false }, steps)
const broken = (steps: number) => {
  const scheduler = sound(steps)
  return { ...scheduler, timesteps: scheduler.timesteps.map((c) => ({ ...c, direction: c.direction ** 2 })) }
}

for (const make of [sound, broken]) {
  const checked = laws(make, traits).filter((law) => law.exempt === undefined)
  const found = checked.flatMap(({ name, check }) => {
    try {
      check()
      return []
    } catch (error) {
      return [`${name}\n  ${(error as Error).message.split('\n')[2]}`]
    }
  })
  console.log(found.join('\n') || `${checked.length} laws hold`)
}
