/** Peers as the benchmark sees them: something that answers questions. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Answer, Asked, Question } from './peers/protocol.ts'

/** A peer at work. `ask` rejects with the peer's own words. */
export type Session = { readonly ask: (question: Question) => Promise<unknown>; readonly stop: () => Promise<void> }

/** An answer that did not come in time. */
export class Overtime extends Error {
  readonly what: Question['do']
  readonly seconds: number

  constructor(what: Question['do'], seconds: number) {
    super(`${what} took more than ${seconds} s`)
    this.what = what
    this.seconds = seconds
  }
}

const timed = <A>(promise: Promise<A>, seconds: number, what: Question['do']): Promise<A> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Overtime(what, seconds)), seconds * 1000)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })

const valueOf = ({ value, error }: Answer): unknown => {
  if (error !== undefined) throw new Error(error.split('\n')[0])
  return value
}

/** The session, with a limit on every answer: a peer that hangs is cut off. */
export const limited = ({ ask, stop }: Session, seconds: number): Session => ({
  ask: (question) => timed(ask(question), seconds, question.do),
  stop,
})

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done()
    child.once('exit', () => done())
    child.kill('SIGKILL')
  })

/** Answers in the order of the questions; the end of the process answers those that are left. */
const answering = (child: ChildProcess) => {
  const waiting: ((answer: Answer) => void)[] = []
  let noise = ''
  child.stderr?.on('data', (text: Buffer) => (noise = (noise + text.toString()).slice(-2000)))
  child.once('exit', (code, signal) => {
    const why = noise.trim().split('\n').at(-1) ?? ''
    for (const answer of waiting.splice(0)) answer({ error: `ended with ${signal ?? code}: ${why}` })
  })
  child.once('error', (error) => {
    for (const answer of waiting.splice(0)) answer({ error: error.message })
  })
  return {
    take: (answer: Answer) => waiting.shift()?.(answer),
    ask: (send: () => void) =>
      new Promise<Answer>((resolve) => {
        waiting.push(resolve)
        if (child.exitCode !== null || child.signalCode !== null) waiting.pop()!({ error: 'has ended' })
        else send()
      }),
  }
}

/** A peer in a Node process. */
export const nodeSession = (asked: Asked, env: NodeJS.ProcessEnv): Session => {
  const script = fileURLToPath(new URL('peers/main.ts', import.meta.url))
  const child = fork(script, [JSON.stringify(asked)], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const { take, ask } = answering(child)
  child.on('message', take)
  return { ask: async (q) => valueOf(await ask(() => child.send(q))), stop: () => ended(child) }
}

/** A peer in Python. */
export const pythonSession = (python: string, asked: object, env: NodeJS.ProcessEnv): Session => {
  const script = fileURLToPath(new URL('peers/diffusers_peer.py', import.meta.url))
  const child = spawn(python, [script, JSON.stringify(asked)], { env: { ...process.env, ...env } })
  const { take, ask } = answering(child)
  createInterface({ input: child.stdout }).on('line', (line) => take(JSON.parse(line) as Answer))
  return {
    ask: async (q) => valueOf(await ask(() => child.stdin.write(`${JSON.stringify(q)}\n`))),
    stop: () => ended(child),
  }
}
