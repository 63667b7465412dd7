#!/usr/bin/env node
/** The command line, `diffold`. */
import { Command, CommanderError } from 'commander'
import { draw } from './draw.ts'
import { explain } from './explain.ts'
import { inspect } from './inspect.ts'
import { version } from './version.ts'

const program = new Command('diffold')
  .description(
    'Diffusion pipelines as pure functions: draw from, look into and explain checkpoints in the diffusers layout.',
  )
  .version(version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .showHelpAfterError('(--help lists the commands and their options)')
  .exitOverride()
for (const command of [draw, inspect, explain]) program.addCommand(command.exitOverride())

const line = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .split('\n')
    .map((l) => l.trim())
    .filter((l) => l !== '')
    .join('; ')

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode
  else if (error instanceof Error && error.name === 'AbortError') {
    process.stderr.write('diffold: stopped\n')
    process.exitCode = 130
  } else {
    process.stderr.write(`diffold: ${line(error)}\n`)
    process.exitCode = 1
  }
}
