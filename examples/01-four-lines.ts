// A cat in four lines: the DDPM pipeline of the tutorial, on whatever this machine has.
import { DDPM, ddpm, load, orThrow, seed, writePng } from 'diffold'

const model = await orThrow(load(DDPM, 'models/ddpm-emoji-cat-64'))
const draw = ddpm(model, { steps: 25 })
const image = await draw(seed(0))
console.log(await orThrow(writePng('out/cat.png', image)))
