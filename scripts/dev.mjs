// `npm run dev`: the program from its sources, for those who change it. The page is served by Vite and changes in place; manager and
// worker start again when a source of theirs changes. `--mock`: a farm of made-up workers that has a day's work behind it.
// Ctrl-C ends all of it. See CONTRIBUTING.md.
import { rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort, isFree, keepRunning, runToEnd } from './lib/devProcess.mjs'
import { SetupError, checkNode, ensurePackages, root } from './lib/setup.mjs'

const USAGE = `npm run dev [-- OPTION …]
  --mock               a farm of made-up workers with a day's work behind it, instead of a worker that renders
  --keep               with --mock: go on with the farm of the last time
  --port N             of the page (default 5173, or the next one that is free)
  --manager-port N     of the manager (default 8090, or the next one that is free; 0: any free one)
  --data DIR           where the farm is kept (default .framehouse/dev, with --mock .framehouse/mock)
  --log-level LEVEL    how much manager and worker tell (default warn)
`
const OPTIONS = {
  mock: { type: 'boolean' },
  keep: { type: 'boolean' },
  port: { type: 'string', default: '5173' },
  'manager-port': { type: 'string' },
  data: { type: 'string' },
  'log-level': { type: 'string', default: 'warn' },
  help: { type: 'boolean' },
}
/** What manager and worker are made of. Scripts of job types are not among it: the manager reads them again by itself. */
const SOURCES = ['src/main', 'src/shared', 'resources/sessions'].map((folder) => join(root, folder))
/** A save of several files, or of one in several steps, is one change. */
const SETTLE_MS = 150
const USUAL_MANAGER_PORT = 8090
const PORTS_TRIED = 20

process.exitCode = await main().catch((error) => {
  if (!(error instanceof SetupError) && error?.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw error
  say(error instanceof SetupError ? error.message : `${error.message}\n\n${USAGE}`)
  return 2
})

async function main() {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help) {
    say(USAGE)
    return 0
  }
  checkNode()
  ensurePackages(say)
  const stopped = stopAsked()
  const data = values.data ?? join(root, '.framehouse', values.mock ? 'mock' : 'dev')
  const port = await managerPort(values['manager-port'])
  // Imports packages, which may have been installed just now.
  const { startPage } = await import('./lib/devPage.mjs')
  const manager = `http://127.0.0.1:${port}`
  const closing = []
  try {
    // The page is prepared while the farm starts.
    const opening = startPage({ root, port: Number(values.port), manager })
    const farm = values.mock ? await startMock(values, data, port) : [startFarm(values, data, port)]
    closing.push(...farm.map((part) => () => part.stop()))
    const page = await opening
    closing.push(() => page.close())
    await farm[0].firstStart
    page.ready()
    watch(page, farm[0])
    say(
      [
        '',
        `  Page     ${page.url}`,
        `  Manager  ${manager}  (its API: ${manager}/docs)`,
        `  Farm     ${relative(process.cwd(), data) || '.'}  (${values.mock ? 'made anew at each start; --keep keeps it' : 'kept; delete the folder to begin anew'})`,
        '  Ctrl-C ends all of it.',
        '',
      ].join('\n'),
    )
    await stopped
    return 0
  } finally {
    await Promise.all(closing.map((close) => close()))
  }
}

/** Never the port of another program: the page would show that program's farm. @throws {SetupError} */
async function managerPort(asked) {
  if (Number(asked) === 0 && asked !== undefined) return freePort()
  if (asked === undefined) {
    for (let port = USUAL_MANAGER_PORT; port < USUAL_MANAGER_PORT + PORTS_TRIED; port++) if (await isFree(port)) return port
    return freePort()
  }
  if (await isFree(Number(asked))) return Number(asked)
  throw new SetupError(`Port ${asked} is taken by another program; choose another one with --manager-port.`)
}

function startFarm(values, data, port) {
  const args = ['both', '--data', data, '--listen', `127.0.0.1:${port}`, '--log-level', values['log-level']]
  return keepRunning('src/main/headless.ts', args, say)
}

/** The manager, and the workers that only look like some. */
async function startMock(values, data, port) {
  if (!values.keep) {
    rmSync(data, { recursive: true, force: true })
    say('Making a farm with a day of work behind it …')
    await runToEnd('scripts/mock/make.ts', ['--data', data])
  }
  const listen = ['--listen', `127.0.0.1:${port}`, '--trust-loopback', '--log-level', values['log-level']]
  return [
    keepRunning('src/main/headless.ts', ['manager', '--data', data, ...listen], say),
    keepRunning('scripts/mock/work.ts', ['--data', data, '--manager', `http://127.0.0.1:${port}`], say),
  ]
}

/** Starts the farm again when one of its sources changes. */
function watch(page, farm) {
  let timer
  const changed = (event, file) => {
    if (!['add', 'change', 'unlink'].includes(event) || !SOURCES.some((folder) => file.startsWith(folder))) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      say(`${relative(root, file)} changed: manager and worker start again`)
      void page.during(farm.restart())
    }, SETTLE_MS)
  }
  page.watcher.add(SOURCES)
  page.watcher.on('all', changed)
}

/** Resolves on Ctrl-C and SIGTERM, and when the npm that started this is gone. */
function stopAsked() {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, resolve)
    const parent = process.ppid
    setInterval(() => process.ppid !== parent && resolve(), 1_000).unref()
  })
}

function say(line) {
  process.stderr.write(`${line}\n`)
}
