/** JSON texts as people read them, and what changed between two of them. Pure. Digits stay as they are: integers may have 64 bits. */

/** Indented; what is no JSON stays as it is. */
export function prettyJson(text: string): string {
  let depth = 0
  let out = ''
  const line = () => `\n${'  '.repeat(Math.max(0, depth))}`
  const tokens = tokensOf(text)
  for (const [at, token] of tokens.entries()) {
    const next = tokens[at + 1]
    if (token === '{' || token === '[') {
      const closes = next === '}' || next === ']'
      if (!closes) depth++
      out += closes ? token : token + line()
    } else if (token === '}' || token === ']') {
      const opened = tokens[at - 1] === '{' || tokens[at - 1] === '['
      if (!opened) depth--
      out += opened ? token : line() + token
    } else if (token === ',') out += `,${line()}`
    else if (token === ':') out += ': '
    else out += token
  }
  return out
}

function tokensOf(text: string): string[] {
  return text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? []
}

export interface DiffLine {
  kind: 'same' | 'added' | 'removed'
  text: string
}

/** Longer texts are shown as removed and added as a whole: the table of a comparison would be too large. */
const MOST_LINES = 2_000

/** What became of the lines of one JSON text in another, with at most `around` lines that stayed around each change. */
export function diffJson(before: string, after: string, around = 3): DiffLine[] {
  const old = prettyJson(before).split('\n')
  const now = prettyJson(after).split('\n')
  return near(compare(old, now), around)
}

function compare(old: readonly string[], now: readonly string[]): DiffLine[] {
  let head = 0
  while (head < old.length && head < now.length && plain(old[head]) === plain(now[head])) head++
  let tail = 0
  while (tail < old.length - head && tail < now.length - head && plain(old.at(-1 - tail)) === plain(now.at(-1 - tail))) tail++
  const same = (text: string): DiffLine => ({ kind: 'same', text })
  const middle = between(old.slice(head, old.length - tail), now.slice(head, now.length - tail))
  return [...now.slice(0, head).map(same), ...middle, ...now.slice(now.length - tail).map(same)]
}

/** A comma at the end of a line tells of the next line, not of this one. */
const plain = (text = ''): string => text.replace(/,$/, '')

/** The longest common lines stay. */
function between(old: readonly string[], now: readonly string[]): DiffLine[] {
  const removed = (text: string): DiffLine => ({ kind: 'removed', text })
  const added = (text: string): DiffLine => ({ kind: 'added', text })
  if (old.length > MOST_LINES || now.length > MOST_LINES) return [...old.map(removed), ...now.map(added)]
  const width = now.length + 1
  const common = new Uint16Array((old.length + 1) * width)
  const at = (i: number, j: number): number => common[i * width + j] ?? 0
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      common[i * width + j] = plain(old[i]) === plain(now[j]) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < old.length || j < now.length) {
    const [left, right] = [old[i], now[j]]
    if (left !== undefined && right !== undefined && plain(left) === plain(right)) {
      lines.push({ kind: 'same', text: right })
      i++
      j++
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(removed(left))
      i++
    } else {
      lines.push(added(right ?? ''))
      j++
    }
  }
  return lines
}

/** Only lines near a change; what is left out between them is one line with an ellipsis. */
function near(lines: readonly DiffLine[], around: number): DiffLine[] {
  const keep = new Set<number>()
  for (const [at, { kind }] of lines.entries()) if (kind !== 'same') for (let k = at - around; k <= at + around; k++) keep.add(k)
  const out: DiffLine[] = []
  for (const [at, line] of lines.entries()) {
    if (keep.has(at)) out.push(line)
    else if (keep.size > 0 && out.at(-1)?.text !== '…') out.push({ kind: 'same', text: '…' })
  }
  return out
}
