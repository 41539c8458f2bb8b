/**
 * The example commands of README.md and docs/*.md. A comment right before a block says what is special about it:
 *
 *   <!-- not run: WHY -->            not run here
 *   <!-- first: SHELL -->            runs before it; words in capitals that it sets (JOB, TASK) are filled in in the block
 *   <!-- runs until it is stopped -->  its first line is a program that stays; the others run meanwhile
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..')

export interface Example {
  /** `docs/frames.md:43` */
  place: string
  /** As it is written. */
  text: string
  /** Why it is not run. */
  notRun: string | undefined
  first: string
  stays: boolean
}

/** README.md and the pages of docs. */
export async function docPages(): Promise<string[]> {
  const pages = (await readdir(join(ROOT, 'docs'), { recursive: true })).filter((name) => name.endsWith('.md'))
  return ['README.md', ...pages.map((name) => `docs/${name.replaceAll('\\', '/')}`).toSorted()]
}

/** Blocks of \`\`\`sh, in order. */
export async function examplesOf(page: string): Promise<Example[]> {
  return blocks(await readFile(join(ROOT, page), 'utf8'), page).filter(({ language }) => language === 'sh')
}

/** Blocks that look like commands and are not marked as such: no test would run them. */
export async function unmarkedCommands(page: string): Promise<string[]> {
  const looksRun = /^(\$ )?(npx |npm |framehouse |curl |docker |python3? |node )/m
  const others = blocks(await readFile(join(ROOT, page), 'utf8'), page).filter(({ language, text }) => {
    return (language === '' || ['bash', 'shell', 'console'].includes(language)) && looksRun.test(text)
  })
  return others.map(({ place }) => place)
}

function blocks(text: string, page: string): (Example & { language: string })[] {
  const found = text.matchAll(/((?:^<!--.*-->\n)*)^```(\w*)\n([\s\S]*?)^```$/gm)
  return [...found].map(({ 1: comments = '', 2: language = '', 3: code = '', index }) => ({
    place: `${page}:${text.slice(0, index + comments.length).split('\n').length}`,
    language,
    text: code,
    notRun: /^<!-- not run: (.+) -->$/m.exec(comments)?.[1],
    first: [...comments.matchAll(/^<!-- first: (.+) -->$/gm)].map(([, line]) => line).join('\n'),
    stays: comments.includes('<!-- runs until it is stopped -->'),
  }))
}

export interface ShellOptions {
  /** Written in the docs → what stands for it here. */
  replaced: Record<string, string>
  node: string
  program: string
  /** jq or its replacement, as a command. */
  jq: string
}

/** The blocks of a page as one script of bash, which names the block that it is at on lines of their own. */
export function scriptOf(examples: readonly Example[], { replaced, node, program, jq }: ShellOptions): string {
  const fill = (text: string): string =>
    Object.entries(replaced).reduce((filled, [written, here]) => filled.replaceAll(written, here), text)
  const lines = examples.flatMap((example) => {
    const given = [...example.first.matchAll(/\b([A-Z]+)=/g)].map(([, name]) => name ?? '')
    const text = given.reduce(
      (block, name) => block.replace(new RegExp(`(?<![$\\w])${name}(?![\\w=])`, 'g'), `$${name}`),
      fill(example.text),
    )
    return [`echo "@@ ${example.place}"`, fill(example.first), ...(example.stays ? stays(text) : [text])]
  })
  return [
    'set -euo pipefail',
    // A reply that is an error ends the script with its text.
    'curl() { command curl --silent --show-error --fail-with-body --max-time 60 "$@"; }',
    `jq() { ${jq} "$@"; }`,
    `framehouse() { "${node}" "${program}" "$@"; }`,
    'npx() { [ "$1" = framehouse ] && shift && framehouse "$@"; }',
    ...lines,
    'echo "@@ all done"',
  ].join('\n')
}

/** A program that stays: until it says that it is there and the other lines are done, then it is ended as a service is. */
function stays(text: string): string[] {
  const [first = '', ...others] = text.replaceAll('\\\n', '').trim().split('\n')
  const command = first.replace(/^(npx )?framehouse /, '')
  return [
    `(exec "$NODE" "$PROGRAM" ${command}) > stays.log 2>&1 & STAYS=$!`,
    `for _ in $(seq 300); do grep -qE 'manager listens|signed on|joined the farm' stays.log && break; sleep 0.2; done`,
    `grep -qE 'manager listens|signed on|joined the farm' stays.log || { cat stays.log; exit 1; }`,
    ...others,
    'kill -TERM $STAYS; wait $STAYS',
  ]
}
