/** Process graphs as replies show them: state, nodes with places to draw them, edges. Pure. */
import type { GraphNodeRow, GraphRow } from '../store/processes.ts'
import { graphIdOf, processIdOf, wireTime, ZERO_TIME } from '../wire/values.ts'
import { CANCELLED, FAILED, indices, RUNNING, SUCCESS, WAITING } from './views.ts'

export function graphState({
  status,
  active,
  completed,
  failed,
  canceled,
}: Pick<GraphRow, 'status' | 'active' | 'completed' | 'failed' | 'canceled'>): number {
  if (failed > 0 || status === 'failed') return FAILED
  if (status === 'canceled' || status === 'cancel-requested' || canceled > 0) return CANCELLED
  if (status === 'completed') return SUCCESS
  return active + completed > 0 ? RUNNING : WAITING
}

interface Node {
  index: number
  state: number
  name: string
  parents: number[]
  children: number[]
}

/** @param drawn with nodes and edges, as a single graph is asked for */
export function graphView(row: GraphRow, colonyName: string, nodeRows: readonly GraphNodeRow[], drawn: boolean): Record<string, unknown> {
  const nodes = nodeRows.map((node): Node => ({ ...node, parents: indices(node.parents), children: indices(node.children) }))
  const idOf = (index: number): string => processIdOf(row.jobPublicId, index)
  const state = graphState(row)
  const order = drawn ? depthFirst(nodes) : nodes.map(({ index }) => index)
  return {
    processgraphid: graphIdOf(row.jobPublicId),
    initiatorid: row.initiatorId,
    initiatorname: row.initiatorName,
    colonyname: colonyName,
    rootprocessids: nodes.filter(({ parents }) => parents.length === 0).map(({ index }) => idOf(index)),
    state,
    submissiontime: wireTime(row.submittedAt),
    starttime: wireTime(row.startedAt),
    endtime: wireTime(state >= SUCCESS ? row.finishedAt : null),
    processids: order.map(idOf),
    nodes: drawn ? drawNodes(nodes, idOf) : [],
    edges: drawn
      ? nodes.flatMap(({ index, children, state: source }) =>
          children.map((child) => ({
            id: `${idOf(index)}-${idOf(child)}`,
            source: idOf(index),
            target: idOf(child),
            animated: source === RUNNING,
          })),
        )
      : [],
  }
}

/** The same for a graph that was just submitted: times are not set, and nothing is drawn. */
export function freshGraphView(graph: {
  jobId: string
  colonyName: string
  initiatorId: string
  initiatorName: string
  parents: readonly (readonly number[])[]
}): Record<string, unknown> {
  const ids = graph.parents.map((_, position) => processIdOf(graph.jobId, position + 1))
  return {
    processgraphid: graphIdOf(graph.jobId),
    initiatorid: graph.initiatorId,
    initiatorname: graph.initiatorName,
    colonyname: graph.colonyName,
    rootprocessids: ids.filter((_, position) => graph.parents[position]?.length === 0),
    state: WAITING,
    submissiontime: ZERO_TIME,
    starttime: ZERO_TIME,
    endtime: ZERO_TIME,
    processids: ids,
    nodes: [],
    edges: [],
  }
}

function depthFirst(nodes: readonly Node[]): number[] {
  const byIndex = new Map(nodes.map((node) => [node.index, node]))
  const seen = new Set<number>()
  const stack = nodes.filter(({ parents }) => parents.length === 0).toReversed()
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node.index)) continue
    seen.add(node.index)
    for (const child of node.children.toReversed()) {
      const next = byIndex.get(child)
      if (next) stack.push(next)
    }
  }
  return [...seen]
}

const BACKGROUND = ['#eee8d8', '#4689cd', '#92d050', '#cb4239', '#f5a623']
const LEVEL = 80
const STEP = 200
const LEFT = 100

/** Levels by the longest way from a root; each level is centred on the widest one. */
function drawNodes(nodes: readonly Node[], idOf: (index: number) => string): Record<string, unknown>[] {
  const depths = depthsOf(nodes)
  const levels = new Map<number, Node[]>()
  for (const node of nodes) {
    const depth = depths.get(node.index) ?? 0
    const level = levels.get(depth)
    if (level) level.push(node)
    else levels.set(depth, [node])
  }
  const widest = Math.max(0, ...[...levels.values()].map((level) => level.length))
  return [...levels].flatMap(([depth, level]) =>
    level.map((node, position) => ({
      id: idOf(node.index),
      data: { label: node.name },
      position: { x: LEFT + Math.round(((widest - level.length) * STEP) / 2) + position * STEP, y: depth * LEVEL },
      type: node.parents.length === 0 ? 'input' : node.children.length === 0 ? 'output' : '',
      style: { color: '', background: BACKGROUND[node.state] ?? BACKGROUND[0] },
    })),
  )
}

function depthsOf(nodes: readonly Node[]): Map<number, number> {
  const byIndex = new Map(nodes.map((node) => [node.index, node]))
  const open = new Map(nodes.map((node) => [node.index, node.parents.filter((parent) => byIndex.has(parent)).length]))
  const depths = new Map<number, number>()
  const ready = nodes.filter(({ index }) => open.get(index) === 0).map(({ index }) => index)
  for (const index of ready) depths.set(index, 0)
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    for (const child of byIndex.get(index)?.children ?? []) {
      depths.set(child, Math.max(depths.get(child) ?? 0, (depths.get(index) ?? 0) + 1))
      const left = (open.get(child) ?? 1) - 1
      open.set(child, left)
      if (left === 0) ready.push(child)
    }
  }
  return depths
}
