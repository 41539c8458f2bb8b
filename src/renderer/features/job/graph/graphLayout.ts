/** Places the nodes of a job's graph in columns by how far they are from the start. Pure. */
export interface Placed<N> {
  node: N
  x: number
  y: number
}
export interface GraphPicture<N> {
  nodes: Placed<N>[]
  edges: { from: string; to: string; path: string }[]
  /** Of each node. */
  nodeWidth: number
  width: number
  height: number
}
const MIN_NODE_WIDTH = 176
const MAX_NODE_WIDTH = 360
/** Of a letter of a label, and of what is around the label. */
const LETTER = 7.4
const FRAME = 28
export const NODE_HEIGHT = 60
const GAP_X = 72
const GAP_Y = 20
const PAD = 24

/** @param nodes their labels make them as wide as they must be, within reason */
export function layoutGraph<N extends { id: string; label: string }>(
  nodes: readonly N[],
  edges: readonly { from: string; to: string }[],
): GraphPicture<N> {
  const longest = nodes.reduce((length, node) => Math.max(length, node.label.length), 0)
  const nodeWidth = Math.ceil(Math.min(MAX_NODE_WIDTH, Math.max(MIN_NODE_WIDTH, longest * LETTER + FRAME)))
  const known = new Set(nodes.map((node) => node.id))
  const inner = edges.filter((edge) => known.has(edge.from) && known.has(edge.to))
  const depth = new Map(nodes.map((node) => [node.id, 0]))
  // Longest path; a graph of n nodes settles in n rounds, and a cycle (which cannot be) ends there too.
  for (let round = 0; round < nodes.length; round++) {
    let moved = false
    for (const edge of inner) {
      const next = (depth.get(edge.from) ?? 0) + 1
      if (next > (depth.get(edge.to) ?? 0) && next < nodes.length + 1) {
        depth.set(edge.to, next)
        moved = true
      }
    }
    if (!moved) break
  }
  const columns: N[][] = []
  for (const node of nodes) (columns[depth.get(node.id) ?? 0] ??= []).push(node)
  const tallest = Math.max(1, ...columns.map((column) => column?.length ?? 0))
  const height = tallest * (NODE_HEIGHT + GAP_Y) - GAP_Y + 2 * PAD
  const placed = new Map<string, Placed<N>>()
  columns.forEach((column, x) => {
    const used = column.length * (NODE_HEIGHT + GAP_Y) - GAP_Y
    column.forEach((node, y) => {
      placed.set(node.id, { node, x: PAD + x * (nodeWidth + GAP_X), y: (height - used) / 2 + y * (NODE_HEIGHT + GAP_Y) })
    })
  })
  return {
    nodeWidth,
    nodes: [...placed.values()],
    edges: inner.map((edge) => {
      const a = placed.get(edge.from)
      const b = placed.get(edge.to)
      const x1 = (a?.x ?? 0) + nodeWidth
      const y1 = (a?.y ?? 0) + NODE_HEIGHT / 2
      const x2 = b?.x ?? 0
      const y2 = (b?.y ?? 0) + NODE_HEIGHT / 2
      const bend = Math.max(24, (x2 - x1) / 2)
      return { ...edge, path: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 5} ${y2}` }
    }),
    width: columns.length * (nodeWidth + GAP_X) - GAP_X + 2 * PAD,
    height,
  }
}
