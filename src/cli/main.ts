#!/usr/bin/env node
/** The command line, `diffold`. */
import { setFlagsFromString } from 'node:v8'
import { Command, CommanderError } from 'commander'
import { relaxedSimd } from '../backend/wasm/relaxed-simd.ts'
import { CheckpointError } from '../errors.ts'
import { draw } from './draw.ts'
import { explain } from './explain.ts'
import { exportModel } from './export.ts'
import { inspect } from './inspect.ts'
import { oneLine } from './text.ts'
import { version } from './version.ts'

relaxedSimd(setFlagsFromString)

const complain = (text: string): void => void process.stderr.write(`diffold: ${oneLine(text)}\n`)

const program = new Command('diffold')
  .description(
    'Diffusion pipelines as pure functions: draw from, look into, explain and export checkpoints in the diffusers layout.',
  )
  .version(version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand('help [command]', 'print the help of a command')
  .configureOutput({
    outputError: (text) => complain(`${text.replace(/^error: |[()]/g, '')}\n--help lists what there is`),
  })
  .exitOverride()
for (const command of [draw, inspect, explain, exportModel]) program.addCommand(command.copyInheritedSettings(program))

const listed = 5

const messageOf = (error: unknown): string => {
  if (error instanceof CheckpointError && error.problems.length > listed) {
    const { component, problems } = error
    const first = problems.slice(0, listed).join('; ')
    return `${component}: ${problems.length} problems; ${first}; and ${problems.length - listed} more`
  }
  return error instanceof Error ? error.message : String(error)
}

// Whoever reads the output has had enough of it, as `head` has.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode
  else if (error instanceof Error && error.name === 'AbortError') {
    process.stderr.write('diffold: stopped\n', () => process.exit(130)) // what was under way is not waited for
  } else {
    complain(messageOf(error))
    process.exitCode = 1
  }
}
