/**
 * Keeps words out of comments, messages and docs that make the English read like a translation: `npm run lint` runs it. Identifiers, paths and
 * single words in quotes are not checked, because some of them are stored or belong to a foreign protocol.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'

/** Each word with the reason or the better word. */
export const BANNED = [
  [/\bnobody\b(?!-)/i, 'name who: "no worker", "no client"'],
  [/\b(?:any|every)body\b/i, 'use "anyone", "everyone", or name who'],
  [/\bsomebody\b/i, 'name who: "a person", "another worker"'],
  [/\b(?:is|are|was|were|be|been) told\b/i, 'use "receives", "is notified"'],
  [/\bsaid\b/i, 'use "reported", "recorded"'],
  [/\b[Ss]ays? it\b/, 'use "declares", "reports"'],
  [/\bstands (?:in|beside|elsewhere|at)\b/i, 'use "is in"'],
  [/\bheard\b/i, 'use "received", "last contact"'],
  [/\bbreath\b/i, 'use "together", "in one commit"'],
  [/\bwhoever\b/i, 'name who'],
  [/\b(?:it is|is) to be called\b/i, 'use the imperative: "Call it when"'],
  [/\bno (?:\w+ )?any ?more\b|\bnot (?:\w+ ){0,6}any ?more\b/i, 'use "no longer"'],
  [/\bone word too many\b/i, 'use "unexpected argument"'],
]

/** Files and folders without banned words. Add to it; never take one out. */
export const CLEAN = ['CHANGELOG.md', 'CONTRIBUTING.md', 'README.md', 'docs', 'scripts', 'src', 'test']

/** Files that hold the banned words as data. */
const EXEMPT = new Set(['scripts/banned-words.mjs', 'test/unit/scripts/bannedWords.test.ts'])

/** Comments, and texts of several words, with the line that each begins in. */
export function passagesOf(text, file) {
  if (file.endsWith('.md')) return text.split('\n').map((line, index) => ({ line: index + 1, text: line }))
  if (file.endsWith('.vue')) text = scriptOf(text)
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found = new Map()
  const add = (start, end) => found.set(start, { line: source.getLineAndCharacterOfPosition(start).line + 1, text: text.slice(start, end) })
  const visit = (node) => {
    for (const ranges of [ts.getLeadingCommentRanges(text, node.getFullStart()), ts.getTrailingCommentRanges(text, node.getEnd())]) {
      for (const { pos, end } of ranges ?? []) add(pos, end)
    }
    if (isMessage(node)) add(node.getStart(source), node.getEnd())
    node.getChildren(source).forEach(visit)
  }
  visit(source)
  return [...found.values()]
}

/** The script of a component, on its own lines. */
function scriptOf(component) {
  const [start = '', script = ''] = /^[^]*?<script[^>]*>([^]*?)<\/script>/.exec(component) ?? []
  const before = start.slice(0, start.length - script.length - '</script>'.length)
  return before.replace(/[^\n]/g, '') + script
}

function isMessage(node) {
  const isText = ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)
  return isText && node.getText().includes(' ')
}

/** Code spans and quotes of one word, parameters of a docstring, and paths. */
const NAMES = /`[^`\s]+`|'[\w:-]+'|"[\w:-]+"|@param \w+|[\w.-]*\/[\w./-]+/g

/** Every banned word in a file: line, word, what to write instead. */
export function bannedIn(text, file) {
  return passagesOf(text, file).flatMap(({ line, text: passage }) => {
    // A passage may be broken anywhere; the words of two lines still belong together.
    const flat = passage.replace(/\n\s*(?:\*|\/\/)?\s*/g, ' ').replace(NAMES, '')
    return BANNED.flatMap(([word, instead]) => {
      const match = word.exec(flat)
      return match ? [{ line, word: match[0], instead }] : []
    })
  })
}

/** The tracked files of the clean rooms that hold prose. */
export function cleanFiles(rooms = CLEAN) {
  const listed = execFileSync('git', ['ls-files', '--', ...rooms], { encoding: 'utf8' })
  return listed.split('\n').filter((file) => /\.(ts|mjs|vue|md)$/.test(file) && !EXEMPT.has(file))
}

function main(rooms) {
  let count = 0
  for (const file of cleanFiles(rooms)) {
    for (const { line, word, instead } of bannedIn(readFileSync(file, 'utf8'), file)) {
      count++
      process.stderr.write(`${file}:${line}  "${word}": ${instead}\n`)
    }
  }
  if (count > 0) process.exitCode = 1
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main(process.argv.length > 2 ? process.argv.slice(2) : CLEAN)
}
