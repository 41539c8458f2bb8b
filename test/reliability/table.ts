/** The table of docs/reliability.md. Pure. */

export interface TestRun {
  what: string
  held: boolean
  seconds: number
}

const BEGIN = '<!-- written by npm run reliability -->'
const END = '<!-- end -->'

/** One line for each thing that was tried. */
export function tableOf(runs: readonly TestRun[], machine: string): string {
  const tried = new Map<string, TestRun[]>()
  for (const run of runs) tried.set(run.what, [...(tried.get(run.what) ?? []), run])
  const lines = [...tried].map(([what, each]) => {
    const held = each.filter((run) => run.held).length
    const seconds = each.reduce((sum, run) => sum + run.seconds, 0) / each.length
    return `| ${what.replaceAll('|', '\\|')} | ${each.length} | ${held === each.length ? 'all held' : `**${each.length - held} did not hold**`} | ${seconds.toFixed(1)} |`
  })
  return [`On ${machine}.`, '', '| what | times | result | seconds each |', '|---|---|---|---|', ...lines].join('\n')
}

/** @throws Error when the page has no place for it */
export function withTable(page: string, table: string): string {
  const from = page.indexOf(BEGIN)
  const to = page.indexOf(END, from)
  if (from < 0 || to < 0) throw new Error(`the page has no lines "${BEGIN}" and "${END}"`)
  return `${page.slice(0, from + BEGIN.length)}\n${table}\n${page.slice(to)}`
}
