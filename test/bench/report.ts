/** The bench's rows as JSON and as the page docs/performance.md; prose is here so that no number is edited by hand. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'

export interface BenchRow {
  what: string
  bar: string
  measured: string
  /** Undefined: measured for information. */
  met?: boolean
  /** Of rows that were measured on another day than the rest. */
  date?: string
}

export interface BenchRun {
  date: string
  machine: string
  node: string
  rows: BenchRow[]
}

const DOCS = join(import.meta.dirname, '../../docs')

export function newRun(): BenchRun {
  const [cpu] = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()} ${release().split('-')[0]}; the load generator shares the processors`,
    node: process.version,
    rows: [],
  }
}

export async function writeReport(run: BenchRun): Promise<void> {
  await mkdir(join(DOCS, 'performance'), { recursive: true })
  await writeFile(join(DOCS, 'performance', 'bench.json'), `${JSON.stringify(run, null, 2)}\n`)
  await writeFile(join(DOCS, 'performance.md'), page(run))
}

/** Puts the rows of a run of some of them in the place of those in the page, new ones at its end. Those of another day carry its date. @throws Error when the page was made elsewhere */
export async function updateReport(run: BenchRun): Promise<void> {
  const file = join(DOCS, 'performance', 'bench.json')
  // Written by writeReport.
  const last = JSON.parse(await readFile(file, 'utf8')) as BenchRun
  for (const fact of ['machine', 'node'] as const) {
    if (last[fact] !== run[fact]) throw new Error(`the page was made with ${last[fact]}, this is ${run[fact]}: run all of it`)
  }
  const rows = run.rows.map((row) => (run.date === last.date ? row : { ...row, date: run.date }))
  const fresh = new Map(rows.map((row) => [row.what, row]))
  const known = new Set(last.rows.map(({ what }) => what))
  const added = rows.filter(({ what }) => !known.has(what))
  await writeReport({ ...last, rows: [...last.rows.map((row) => fresh.get(row.what) ?? row), ...added] })
}

function page(run: BenchRun): string {
  const rows = run.rows.map(
    ({ what, bar, measured, met, date }) =>
      `| ${what} | ${bar} | ${measured}${date === undefined ? '' : ` (on ${date})`} | ${met === undefined ? '—' : met ? 'yes' : '**no**'} |`,
  )
  return `# Performance

\`npm run bench\` makes this page. It starts the built manager as a process of its own, drives it over HTTP with raw keep-alive
sockets (so that the load generator costs little), and writes what it measured here and to [bench.json](performance/bench.json).
Every reply that it counts was on disk before it was sent (WAL, \`synchronous=FULL\`).

Measured on ${run.date}: ${run.machine}; Node ${run.node}.

| what | bar | measured | met |
|---|---|---|---|
${rows.join('\n')}

## How to read it
- *no-op* is a route of the same server that does nothing (\`GET /api/v1/version\`), asked in the same run over as many connections: it
  is the ceiling that the machine, Node and the HTTP library leave: three times, and each rate is held against what stands before and
  after it. Most of what that route costs is the system's way of sending a reply, so where other guests of the machine slow down one
  kind of work more than the other, the ratio moves as well.
- *take + finish*: 100 simulated workers each ask for a task and say that it is done, over and over. The call that does both is how our own
  worker does it: the report that ends a task asks for the next one in the same call.
- The two bars of *take + finish* say the same on a machine whose no-op route answers 20,000 requests a second; where it answers fewer, the
  ratio is the one to read.
- *at rest* begins a quarter of a minute after the start and lasts a minute; its processor time is the scheduler's own count. The look
  for damage in the database is not in it: one of a million tasks takes a processor for two seconds, once a day ([reliability.md](reliability.md)).
- *start latency* is measured from sending the submission to the arrival of the task at a worker that waits in its long poll.
- *Blender tasks* are the same frames rendered by \`xargs -P2\` with a fresh Blender each, and through submission, two worker processes,
  logs, previews and all; our workers keep Blender open between them ([sessions.md](sessions.md)). *One process for all* is a single
  Blender without any farm.
- *Checking* is the reading of the finished files by the code that workers use, one after the other; of the warm job it is a share of the whole
  time from submission to completion. The renderer saves with all processors, the check uses one.
- *Container tasks* are watched over the farm's events, as the window does: asking for a job's status every few milliseconds cost more than the
  farm itself. Bare and farm take turns in one run. The end of a container is reported by an event of the engine as it happens, while a bare client
  waits for the engine to tidy up, and no caller waits for its removal; that makes up for what the farm adds.

## Where the time goes
One commit serves all requests that arrived while others were on their way to the disk, so durability costs a delay of a
few milliseconds and not a disk flush per request; the next one already waits for the database's lock when the last one is through.
Handing out looks at the heads of sorted lists in memory; the tasks behind them stay in the database until their turn comes, which is
why a million queued tasks cost what a thousand do.

What is left is processor time, on two threads: the main one (about two thirds of it Node's HTTP and Fastify) and the one that
commits. Four rules keep it low. Rows reach SQLite as one JSON document and are read there as binary JSON, never turned
into text again; a commit runs the statements of those kinds of row that it has, and rows carry no column that cannot have changed. A window of tasks comes back as one text, not as a value for each column. Objects that live long (workers,
jobs, tasks) and replies of hot routes are literals of one shape: a spread that runs rarely makes a hidden class of its own for
every object, and no property access on them can be cached then.
[internals/store.md](internals/store.md) and [internals/engine.md](internals/engine.md) describe both.
`
}
