/**
 * `npm run bench:window`: does the window of the desktop program stay quick while its manager is under load? Starts the real
 * program, lets a hundred workers take and finish tasks as fast as they can while a job of 100,000 frames is submitted, and measures
 * in the page: how long a call to the shell takes, and how long the page went without a picture. Writes the table of docs/desktop.md.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import type { FramehouseBridge } from '../../src/shared/ipc.ts'
import { electronMissing, findElectron } from '../support/electronRuntime.ts'
import { makeHome, openDisplay, prepareRuntime, startDesktop } from '../support/desktopApp.ts'
import type { ManagerProcess } from '../support/managerProcess.ts'
import { foreignRate, submitFrames } from './handOut.ts'
import { percentile } from './statistics.ts'

const QUEUED = 20_000
const SUBMITTED = 100_000
const SECONDS = 8
/** What else the machine does: with more than a little, the numbers tell of that. */
const loadBefore = (loadavg()[0] ?? 0).toFixed(1)
const page = join(import.meta.dirname, '..', '..', 'docs', 'desktop.md')

interface Felt {
  /** Round trips page → main process → page. */
  calls: number[]
  /** Round trips page → manager → page. */
  requests: number[]
  /** Between two pictures of the page. */
  pictures: number[]
}

const electron = findElectron()
if (electron === '') {
  process.stderr.write(`${electronMissing()}\n`)
  process.exit(1)
}
const runtime = prepareRuntime(electron)
const display = await openDisplay()
const home = makeHome()
const desktop = await startDesktop({ runtime, display: display.name, home: home.path })
try {
  await desktop.page.getByRole('heading', { name: 'Dashboard' }).waitFor()
  // The compiler of this script marks functions with a helper that the page does not know.
  await desktop.page.evaluate('globalThis.__name = (fn) => fn')
  const port = Number(new URL(desktop.page.url()).port)
  const manager = {
    port,
    async json(method: string, address: string, body?: unknown) {
      const headers = { 'content-type': 'application/json' }
      const reply = await fetch(`http://127.0.0.1:${port}${address}`, {
        method,
        ...(body !== undefined && { headers, body: JSON.stringify(body) }),
      })
      if (!reply.ok) throw new Error(`${method} ${address}: ${reply.status} ${await reply.text()}`)
      return reply.json()
    },
    // The generators of load need no more of a manager than its port and its JSON.
  } as unknown as ManagerProcess

  await submitFrames(manager, QUEUED, 'queued')
  const quiet = await feel()
  const load = Promise.all([foreignRate(manager, false), submitFrames(manager, SUBMITTED, 'large')])
  const busy = await feel()
  const [rate] = await load
  const version = await desktop.app.evaluate(() => process.versions['electron'] ?? '')
  const table = report(quiet, busy, rate, version)
  process.stdout.write(`${table}\n`)
  const text = readFileSync(page, 'utf8')
  writeFileSync(
    page,
    text.replace(/(<!-- window-bench -->\n)[^]*(<!-- \/window-bench -->)/, (_all, from: string, to: string) => `${from}${table}\n${to}`),
  )
} finally {
  await desktop.terminate()
  display.stop()
  home.remove()
}

function feel(): Promise<Felt> {
  return desktop.page.evaluate(async (ms) => {
    const felt: { calls: number[]; requests: number[]; pictures: number[] } = { calls: [], requests: [], pictures: [] }
    const until = performance.now() + ms
    const shell = (globalThis as unknown as { framehouse: FramehouseBridge }).framehouse
    const pause = () => new Promise((resolve) => setTimeout(resolve, 20))
    async function repeat(times: number[], what: () => Promise<unknown>): Promise<void> {
      while (performance.now() < until) {
        const began = performance.now()
        await what()
        times.push(performance.now() - began)
        await pause()
      }
    }
    // Types of the page are not those of this file.
    const nextPicture = (globalThis as unknown as { requestAnimationFrame(draw: (at: number) => void): void }).requestAnimationFrame
    let last = performance.now()
    const picture = (): void => {
      const now = performance.now()
      felt.pictures.push(now - last)
      last = now
      if (now < until) nextPicture(picture)
    }
    nextPicture(picture)
    await Promise.all([
      repeat(felt.calls, () => shell.call('shell:info', null)),
      repeat(felt.requests, () => fetch('/api/v1/version').then((reply) => reply.text())),
    ])
    return felt
  }, SECONDS * 1000)
}

function report(quiet: Felt, busy: Felt, rate: number, electron: string): string {
  const row = (name: string, key: keyof Felt) => {
    const cells = [quiet, busy].flatMap((felt) => [0.5, 0.99, 1].map((share) => percentile(felt[key], share).toFixed(1)))
    return `| ${name} | ${cells.join(' | ')} |`
  }
  const where = runtime.old ? "manager on the system's Node" : 'manager in the main process'
  return [
    '',
    `Electron ${electron}, ${where}, ${cpus().length} cores shared with the load: ${Math.round(rate)} tasks taken and finished a second meanwhile.`,
    `Load average of the machine before the start: ${loadBefore}.`,
    '',
    '| milliseconds | at rest, median | p99 | longest | under load, median | p99 | longest |',
    '|---|---|---|---|---|---|---|',
    row('a call of the page to the main process', 'calls'),
    row('from one picture of the page to the next', 'pictures'),
    row('a request of the page to the manager', 'requests'),
    '',
  ].join('\n')
}
