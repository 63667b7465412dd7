/** Does what the address asks for, and leaves the outcome where the spec finds it. */
import { draw } from './draw.ts'
import { lose } from './lose.ts'
import { tune } from './tune.ts'
import { watch } from './watch.ts'

const doing = { draw, watch, tune, lose } as const

const asked = new URLSearchParams(location.search)
const wanted = (asked.get('do') ?? 'draw') as keyof typeof doing
const outcome: unknown = await doing[wanted](asked).catch((error: unknown) => ({
  error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
}))
Object.assign(window, { outcome })
