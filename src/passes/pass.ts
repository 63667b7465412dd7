/** What happens between a graph and a program, in steps that have names, so that each can be listed, printed and checked. */
import type { Draft } from '../codegen/program.ts'
import type { Graph } from '../graph/node.ts'
import type { Target } from './target.ts'

/** From graph to graph: preserves inputs, output types and meaning. */
export type Pass = { readonly name: string; readonly run: (graph: Graph) => Graph }

/** From program to program: preserves inputs, outputs and meaning. */
export type ProgramPass = { readonly name: string; readonly run: (draft: Draft, target: Target) => Draft }
