/** `npm run bench [-- ROW …]`: measures, prints, writes docs/performance.md. With rows named, only prints those, or puts them into the page of the same machine (`--update`). */
import { rm } from 'node:fs/promises'
import { ManagerProcess } from '../support/managerProcess.ts'
import { drainRates, messageRate, SEARCHED, searchTimes } from './actors.ts'
import { measureColonies, measureManyQueued, measureWaiting, type ColoniesRate } from './colonies.ts'
import { MANY_QUEUED } from './coloniesFarm.ts'
import { measureContent } from './content.ts'
import { measureContainers } from './containers.ts'
import { measureOutputs } from './fastlaneLogs.ts'
import { findBlender, measureOverhead, measureWarm } from './farmOverhead.ts'
import { foreignRate, nativeRate, noOpRate, submitFrames } from './handOut.ts'
import { fillFarm, measureIdle, measurePages } from './largeFarm.ts'
import { measureLogs } from './logStream.ts'
import { checkFolder, measureLayers } from './pictures.ts'
import { newRun, updateReport, writeReport, type BenchRow } from './report.ts'
import { measureStartLatency } from './startLatency.ts'
import { measureSubmit } from './submit.ts'

const run = newRun()
const number = (value: number, digits = 0): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits })

function add(row: BenchRow): void {
  run.rows.push(row)
  console.log(`${row.met === false ? 'NOT MET ' : ''}${row.what}: ${row.measured} (bar: ${row.bar})`)
}

async function onManager<T>(measure: (manager: ManagerProcess) => Promise<T>): Promise<T> {
  const manager = await ManagerProcess.start()
  try {
    return await measure(manager)
  } finally {
    await manager.stop()
  }
}

const SECTIONS: Record<string, () => Promise<void>> = {
  async content() {
    for (const [files, megabytes] of [
      [1_000, 1],
      [1, 1_024],
    ] as const) {
      const found = await onManager((manager) => measureContent(manager, files, megabytes * 1024 * 1024))
      const share = found.plainSeconds / found.ownSeconds
      const rate = (files * megabytes) / found.ownSeconds
      const rss = found.managerRssBytes / 1e6
      add({
        what: `inputs to the manager: ${number(files)} × ${number(megabytes)} MB over loopback`,
        bar: '≥ 0.4 × `curl -T` to a route that writes and syncs, manager < 150 MB',
        measured: `${number(share, 2)} × curl, ${number(rate)} MB/s, manager ${number(rss)} MB`,
        met: share >= 0.4 && rss < 150,
      })
    }
  },
  async handout() {
    const rates = await onManager(async (manager) => {
      // A fast machine takes nearly 100,000 while a rate is measured: so many are added before each, so that 100,000 stay.
      const queue = () => submitFrames(manager, 100_000)
      await queue()
      await queue()
      // The ceiling moves while the machine has other guests: each rate is held against what stands before and after it.
      const before = await noOpRate(manager)
      const foreign = await foreignRate(manager, false)
      const between = await noOpRate(manager)
      await queue()
      const native = await nativeRate(manager, false)
      const after = await noOpRate(manager)
      await queue()
      const chained = await nativeRate(manager, true)
      await queue()
      const full = await foreignRate(manager, true)
      return {
        noOps: [before, between, after],
        foreign,
        native,
        chained,
        full,
        noOp: { foreign: (before + between) / 2, native: (between + after) / 2 },
      }
    })
    add({ what: 'no-op route, 100 connections', bar: '—', measured: `${rates.noOps.map((rate) => number(rate)).join(', ')} requests/s` })
    for (const [name, rate, noOp] of [
      ['Flamenco API', rates.foreign, rates.noOp.foreign],
      ['native API', rates.native, rates.noOp.native],
    ] as const) {
      const share = (2 * rate) / noOp
      add({
        what: `take + finish over the ${name}, 100 workers, 100,000 queued`,
        bar: '≥ 5,000 tasks/s and ≥ 0.5 × no-op requests/s',
        measured: `${number(rate)} tasks/s, ${number(share, 2)} × no-op`,
        met: rate >= 5_000 && share >= 0.5,
      })
    }
    add({
      what: 'the same as our own worker does it: one call ends a task and takes the next',
      bar: '≥ 5,000 tasks/s',
      measured: `${number(rates.chained)} tasks/s`,
      met: rates.chained >= 5_000,
    })
    add({
      what: 'the same with start, may-i-run and 20 log lines a task (Flamenco API)',
      bar: '≥ 1,500 tasks/s',
      measured: `${number(rates.full)} tasks/s`,
      met: rates.full >= 1_500,
    })
  },
  async scale() {
    const measureBase = () =>
      onManager(async (manager) => {
        await submitFrames(manager, 100_000)
        return foreignRate(manager, false)
      })
    // Each rate is held against what stands before and after it, as above.
    const before = await measureBase()
    const million = await onManager(async (manager) => {
      for (let i = 0; i < 10; i++) await submitFrames(manager, 100_000)
      return foreignRate(manager, false)
    })
    const between = await measureBase()
    const thousand = await onManager(async (manager) => {
      for (let i = 0; i < 1_000; i++) await submitFrames(manager, 1_000)
      return foreignRate(manager, false)
    })
    const after = await measureBase()
    for (const [what, rate, base] of [
      ['1,000,000 queued', million, (before + between) / 2],
      ['1,000 jobs of 1,000', thousand, (between + after) / 2],
    ] as const) {
      add({
        what: `take + finish with ${what}`,
        bar: '≥ 0.8 × the rate at 100,000',
        measured: `${number(rate)} tasks/s, ${number(rate / base, 2)} ×`,
        met: rate / base >= 0.8,
      })
    }
  },
  async submit() {
    for (const [tasks, bar] of [
      [10_000, 0.6],
      [100_000, 5],
    ] as const) {
      // The first compilation starts the sandbox's thread: a farm that has just been started is not the case to measure.
      const { seconds, othersP99Ms } = await onManager(async (manager) => {
        await submitFrames(manager, 1)
        return measureSubmit(manager, tasks)
      })
      add({
        what: `submit a job of ${number(tasks)} tasks`,
        bar: `< ${bar} s, p99 of other requests < 50 ms`,
        measured: `${number(seconds, 2)} s, p99 ${number(othersP99Ms, 1)} ms`,
        met: seconds < bar && othersP99Ms < 50,
      })
    }
  },
  async latency() {
    const { p50Ms, p99Ms } = await onManager(measureStartLatency)
    add({
      what: 'submit → task at an idle worker',
      bar: 'p50 < 30 ms, p99 < 100 ms',
      measured: `p50 ${number(p50Ms, 1)} ms, p99 ${number(p99Ms, 1)} ms`,
      met: p50Ms < 30 && p99Ms < 100,
    })
  },
  async large() {
    const first = await ManagerProcess.start()
    const { dataDir } = first
    await first.stop(true)
    await fillFarm(dataDir)
    const { manager, idle } = await measureIdle(dataDir)
    add({
      what: 'manager at rest, 10,000 jobs and 1,000,000 tasks in the database',
      bar: '< 1 % CPU, < 150 MB, listening < 1 s',
      measured: `${number(idle.cpuPercent, 1)} %, ${number(idle.rssMb)} MB, ${number(idle.startMs / 1000, 2)} s`,
      met: idle.cpuPercent < 1 && idle.rssMb < 150 && idle.startMs < 1_000,
    })
    for (const { name, p95Ms } of await measurePages(manager)) {
      add({ what: `list: ${name}`, bar: 'p95 < 25 ms', measured: `p95 ${number(p95Ms, 1)} ms`, met: p95Ms < 25 })
    }
    await manager.stop()
    await rm(dataDir, { recursive: true, force: true })
  },
  async logs() {
    const { linesPerSecond, lost, toListenerP99Ms } = await onManager(measureLogs)
    add({
      what: 'log stream, one worker',
      bar: '50,000 lines/s without loss, line → listener p99 < 250 ms',
      measured: `${number(linesPerSecond)} lines/s, ${lost} lost, p99 ${number(toListenerP99Ms, 1)} ms`,
      met: linesPerSecond >= 50_000 && lost === 0 && toListenerP99Ms < 250,
    })
  },
  async fastlanelogs() {
    const { nativeP95Ms, routes, megabytes } = await onManager(measureOutputs)
    for (const { name, p95Ms } of routes) {
      const share = p95Ms / nativeP95Ms
      add({
        what: `Fastlane: ${name} of a run that wrote a million lines, against the native log route`,
        bar: 'p95 ≤ 2 ×',
        measured: `${number(share, 2)} × (p95 ${number(p95Ms, 1)} ms, native ${number(nativeP95Ms, 1)} ms for ${number(megabytes, 1)} MB)`,
        met: share <= 2,
      })
    }
  },
  async overhead() {
    const result = await onManager(measureOverhead)
    if (!result) return console.log('farm overhead: skipped, there is no Blender here')
    for (const { what, farmSeconds, xargsSeconds, singleSeconds, bar } of result) {
      const against = xargsSeconds === undefined ? undefined : farmSeconds / xargsSeconds
      const single =
        singleSeconds === undefined
          ? ''
          : `; one process for all ${number(singleSeconds, 1)} s, ${number(farmSeconds / singleSeconds, 2)} ×`
      const xargs = against === undefined ? '' : ` against ${number(xargsSeconds ?? 0, 1)} s, ${number(against, 2)} ×`
      add({
        what,
        bar: bar === undefined ? '' : `≤ ${bar} ×`,
        measured: `${number(farmSeconds, 1)} s${xargs}${single}`,
        met: bar === undefined || against === undefined ? undefined : against <= bar,
      })
    }
  },
  async pictures() {
    const blender = await findBlender()
    const warm = await onManager((manager) => measureWarm(manager, checkFolder))
    if (!blender || !warm) return console.log('pictures: skipped, there is no Blender here')
    const share = warm.seen.seconds / warm.farmSeconds
    add({
      what: 'checking that the 24 PNG frames of such a job are whole, against rendering them warm',
      bar: '≤ 3 %',
      measured: `${number(100 * share, 1)} % (${number(1000 * warm.seen.seconds)} ms of ${number(warm.farmSeconds, 1)} s)`,
      met: warm.seen.files === 24 && share <= 0.03,
    })
    const { megabytes, checkSeconds, saveSeconds, longestTurnMs } = await measureLayers(blender)
    add({
      what: 'checking a 4096 × 2160 multilayer OpenEXR file (ZIP), against saving it from Blender',
      bar: '≤ 0.5 ×',
      measured: `${number(checkSeconds / saveSeconds, 2)} × (${number(checkSeconds, 2)} s, ${number(megabytes)} MB; others wait ${number(longestTurnMs)} ms at most)`,
      met: checkSeconds / saveSeconds <= 0.5,
    })
  },
  async containers() {
    const result = await onManager((manager) => measureContainers(manager))
    const overhead = result.farmMs / result.bareMs
    add({
      what: 'container task, submit → exit recorded, against bare create, attach, start, wait, inspect, remove',
      bar: '≤ 1.15 ×',
      measured: `${number(overhead, 2)} × (${number(result.farmMs)} ms, bare ${number(result.bareMs)} ms)`,
      met: overhead <= 1.15,
    })
    const drain = result.farmRate / result.bareRate
    add({
      what: '200 queued containers, against bare with the same parallelism',
      bar: '≥ 0.9 ×',
      measured: `${number(drain, 2)} × (${number(result.farmRate, 1)}/s, bare ${number(result.bareRate, 1)}/s)`,
      met: drain >= 0.9,
    })
    add({
      what: 'log lines of one container, without loss',
      bar: '≥ 50,000 lines/s',
      measured: `${number(result.linesPerSecond)} lines/s, ${result.lostLines} lost; bare attach ${number(result.bareLinesPerSecond)} lines/s`,
      met: result.linesPerSecond >= 50_000 && result.lostLines === 0,
    })
  },
  async actormessages() {
    for (const actors of [1, 1_000]) {
      const { perSecond, noOp } = await onManager(async (manager) => {
        const before = await noOpRate(manager)
        const perSecond = await messageRate(manager, actors)
        return { perSecond, noOp: (before + (await noOpRate(manager))) / 2 }
      })
      add({
        what: `messages of 1 KB to ${number(actors)} ${actors === 1 ? 'actor' : 'actors'}, on disk, 100 connections`,
        bar: '≥ 0.4 × no-op requests/s',
        measured: `${number(perSecond)} messages/s, ${number(perSecond / noOp, 2)} × no-op`,
        met: perSecond / noOp >= 0.4,
      })
    }
  },
  async actordrain() {
    const { farmRate, bareRate } = await onManager(drainRates)
    add({
      what: 'executions of an actor, drained by one worker, against bare with the same parallelism',
      bar: '≥ 0.85 ×',
      measured: `${number(farmRate / bareRate, 2)} × (${number(farmRate, 1)}/s, bare ${number(bareRate, 1)}/s)`,
      met: farmRate / bareRate >= 0.85,
    })
  },
  async actorsearch() {
    for (const { name, p95Ms } of await searchTimes()) {
      add({
        what: `search over ${number(SEARCHED)} executions: ${name}`,
        bar: 'p95 < 50 ms',
        measured: `p95 ${number(p95Ms, 1)} ms`,
        met: p95Ms < 50,
      })
    }
  },
  async colonies() {
    const addRate = (what: string, { perSecond, requests, noOp, cpuMicros }: ColoniesRate, isInformation = false): void => {
      const share = (requests * perSecond) / noOp
      add({
        what,
        bar: isInformation ? '—' : '≥ 0.35 × no-op requests/s',
        measured: `${number(perSecond)}/s, ${number(share, 2)} × no-op, ${number(cpuMicros)} µs of the manager's processor time a request`,
        ...(!isInformation && { met: share >= 0.35 }),
      })
    }
    const few = await onManager((manager) => measureColonies(manager, 6_000, 20_000))
    addRate('submit over the Colonies API, 6,000 queued, signatures checked', few.submit)
    addRate('assign + close over the Colonies API, 6,000 queued, signatures checked, half of them known', few.done)
    addRate('the same with no signature known', few.doneUncached, true)
    const many = await measureManyQueued(10_000)
    for (const [what, rate, base] of [
      ['submit', many.submit, few.submit],
      ['assign + close', many.done, few.done],
    ] as const) {
      // Against the no-op route of each run: the two runs are minutes apart.
      const flat = rate.perSecond / rate.noOp / (base.perSecond / base.noOp)
      add({
        what: `${what} over the Colonies API with ${number(MANY_QUEUED)} queued, against 6,000`,
        bar: '≥ 0.8 × the share at 6,000',
        measured: `${number(rate.perSecond)}/s, ${number(flat, 2)} ×, ${number(rate.cpuMicros)} µs against ${number(base.cpuMicros)} µs`,
        met: flat >= 0.8,
      })
    }
    for (const { name, p95Ms } of many.lists) {
      add({
        what: `Colonies list, ${number(MANY_QUEUED)} processes: ${name}`,
        bar: 'p95 < 25 ms',
        measured: `p95 ${number(p95Ms, 1)} ms`,
        met: p95Ms < 25,
      })
    }
    const { wakeUp, channel } = await onManager(measureWaiting)
    add({
      what: 'Colonies: submit → reply of an assign that waits',
      bar: 'p50 < 20 ms, p99 < 50 ms',
      measured: `p50 ${number(wakeUp.p50Ms, 1)} ms, p99 ${number(wakeUp.p99Ms, 1)} ms`,
      met: wakeUp.p50Ms < 20 && wakeUp.p99Ms < 50,
    })
    add({
      what: 'Colonies: entry of a channel → its subscriber',
      bar: 'p99 < 20 ms',
      measured: `p99 ${number(channel.p99Ms, 1)} ms`,
      met: channel.p99Ms < 20,
    })
  },
}

const update = process.argv.includes('--update')
const wanted = process.argv.slice(2).filter((word) => word !== '--update')
const unknown = wanted.filter((name) => !(name in SECTIONS))
if (unknown.length > 0) {
  console.error(`no such rows: ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}`)
  process.exit(2)
}
for (const [name, section] of Object.entries(SECTIONS)) if (wanted.length === 0 || wanted.includes(name)) await section()
if (wanted.length === 0) await writeReport(run)
else if (update) await updateReport(run)
process.exit(0)
