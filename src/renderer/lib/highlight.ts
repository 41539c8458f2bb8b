/** JavaScript in a few kinds of text, for the eye only. Pure. */
export type CodeKind = 'plain' | 'comment' | 'string' | 'number' | 'word'
export interface CodePart {
  kind: CodeKind
  text: string
}

const WORDS =
  'async|await|break|case|catch|class|const|continue|default|delete|do|else|export|extends|false|finally|for|from|function|if|import|in|' +
  'instanceof|let|new|null|of|return|static|super|switch|this|throw|true|try|typeof|undefined|var|void|while|yield'
const TOKEN = new RegExp(
  [
    String.raw`(?<comment>\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))`,
    '(?<string>"(?:\\\\.|[^"\\\\\\n])*"?|\'(?:\\\\.|[^\'\\\\\\n])*\'?|`(?:\\\\[\\s\\S]|[^`\\\\])*`?)',
    String.raw`(?<number>\b\d[\w.]*)`,
    String.raw`(?<word>\b(?:${WORDS})\b)`,
  ].join('|'),
  'g',
)

/** The text's lines, each cut where the kind changes. */
export function highlight(text: string): CodePart[][] {
  const lines: CodePart[][] = [[]]
  const add = (kind: CodeKind, piece: string): void => {
    for (const [index, part] of piece.split('\n').entries()) {
      if (index > 0) lines.push([])
      if (part) lines.at(-1)?.push({ kind, text: part })
    }
  }
  let end = 0
  for (const match of text.matchAll(TOKEN)) {
    add('plain', text.slice(end, match.index))
    const kind = (['comment', 'string', 'number', 'word'] as const).find((name) => match.groups?.[name] !== undefined) ?? 'plain'
    add(kind, match[0])
    end = match.index + match[0].length
  }
  add('plain', text.slice(end))
  return lines
}
