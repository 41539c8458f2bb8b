import { appendFile, mkdtemp, readdir, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { ReportLog, type ReportLogOptions } from '../../../src/main/worker/reporting/reportLog.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'framehouse-reportLog-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const open = (options: Partial<ReportLogOptions> = {}, visit?: Parameters<typeof ReportLog.open>[1]) =>
  ReportLog.open({ directory, log: silentLogger, ...options }, visit)

/** Everything that waits, acknowledged as it is read. */
async function drain(reportLog: ReportLog, batch = 1000, chars = 1_000_000): Promise<{ seq: number; [key: string]: unknown }[]> {
  const all = []
  for (;;) {
    const entries = await reportLog.next(batch, chars)
    const last = entries.at(-1)
    if (last === undefined) return all
    all.push(...entries.map((entry) => JSON.parse(entry.json)))
    reportLog.ack(last.seq)
  }
}

describe('outbox', () => {
  it('offers entries in order, numbered from 1, only after they are in the file', async () => {
    const reportLog = await open()
    expect(reportLog.append({ text: 'first' })).toBe(1)
    expect(reportLog.append({ text: 'zweiter, größer 🎬' })).toBe(2)
    expect(await reportLog.next(10, 1000)).toEqual([])
    await reportLog.written()
    expect((await reportLog.next(10, 1000)).map((entry) => entry.json)).toEqual([
      '{"seq":1,"text":"first"}',
      '{"seq":2,"text":"zweiter, größer 🎬"}',
    ])
    await reportLog.close()
  })

  it('keeps what was not delivered over a restart, and goes on numbering', async () => {
    const first = await open()
    for (let n = 1; n <= 5; n++) first.append({ n })
    await first.written()
    first.ack(2, true)
    await first.close()
    const seen: number[] = []
    const second = await open({}, (entry) => seen.push(entry.seq))
    expect(seen).toEqual([1, 2, 3, 4, 5])
    expect(second.size).toBe(3)
    expect(second.append({ n: 6 })).toBe(6)
    await second.written()
    expect((await drain(second)).map((entry) => entry.n)).toEqual([3, 4, 5, 6])
    await second.close()
  })

  it('drops a line that a crash cut short, and writes on after it', async () => {
    const first = await open()
    first.append({ n: 1 })
    first.append({ n: 2 })
    await first.close()
    const [file] = await readdir(directory)
    const path = join(directory, String(file))
    await truncate(path, '{"seq":1,"n":1}\n'.length + 9)
    const second = await open()
    expect(second.append({ n: 'again 2' })).toBe(2)
    await second.close()
    const third = await open()
    expect((await drain(third)).map((entry) => entry.n)).toEqual([1, 'again 2'])
    await third.close()
  })

  it('survives a tail of zeros, as a power failure may leave it', async () => {
    const first = await open()
    first.append({ n: 1 })
    await first.close()
    const [file] = await readdir(directory)
    await appendFile(join(directory, String(file)), Buffer.alloc(5000))
    const second = await open()
    second.append({ n: 2 })
    await second.close()
    const third = await open()
    expect((await drain(third)).map((entry) => entry.n)).toEqual([1, 2])
    await third.close()
  })

  it('never reuses a number that the manager has seen, even when the folder is older than that', async () => {
    const reportLog = await open()
    reportLog.append({ n: 1 })
    await reportLog.written()
    reportLog.ack(40)
    expect(reportLog.size).toBe(0)
    expect(reportLog.append({ n: 41 })).toBe(41)
    await reportLog.written()
    expect((await drain(reportLog)).map((entry) => entry.seq)).toEqual([41])
    await reportLog.close()
  })

  it('limits a batch by entries and by characters, but always offers one', async () => {
    const reportLog = await open()
    reportLog.append({ text: 'x'.repeat(5000) })
    for (let n = 0; n < 10; n++) reportLog.append({ n })
    await reportLog.written()
    expect(await reportLog.next(100, 1000)).toHaveLength(1)
    reportLog.ack(1)
    expect(await reportLog.next(4, 1000)).toHaveLength(4)
    expect(await reportLog.next(100, 40)).toHaveLength(2)
    await reportLog.close()
  })

  it('keeps order and loses nothing when far more waits than memory may hold, over many segments and a restart', async () => {
    const options = { memoryBytes: 2000, segmentBytes: 5000 }
    const first = await open(options)
    for (let n = 1; n <= 500; n++) {
      first.append({ n, padding: 'ä'.repeat(50) })
      if (n % 7 === 0) await first.written()
    }
    await first.written()
    expect((await readdir(directory)).length).toBeGreaterThan(5)
    for (let n = 0; n < 10; n++) {
      const batch = await first.next(10, 100_000)
      first.ack(batch.at(-1)?.seq ?? 0, true)
    }
    const delivered = first.acked
    await first.close()
    const second = await open(options)
    for (let n = 501; n <= 600; n++) second.append({ n, padding: '' })
    await second.written()
    const rest = (await drain(second, 13)).map((entry) => entry.n)
    expect(rest).toEqual(Array.from({ length: 600 - delivered }, (_, index) => delivered + index + 1))
    await second.close()
  })

  it('reads on correctly while entries are written at the same time', async () => {
    const reportLog = await open({ memoryBytes: 1000, segmentBytes: 20_000 })
    const got: number[] = []
    const total = 5000
    let appended = 0
    while (got.length < total) {
      for (let n = 0; n < 37 && appended < total; n++) reportLog.append({ n: ++appended })
      const batch = await reportLog.next(50, 100_000)
      for (const entry of batch) got.push(entry.seq)
      if (batch.length > 0) reportLog.ack(batch.at(-1)?.seq ?? 0)
      else if (appended === total) await reportLog.written()
      else await new Promise((resolve) => setImmediate(resolve))
    }
    expect(got).toEqual(Array.from({ length: total }, (_, index) => index + 1))
    await reportLog.close()
  })

  it('removes delivered segments, and keeps its folder small', async () => {
    const reportLog = await open({ segmentBytes: 1000 })
    for (let n = 0; n < 300; n++) {
      reportLog.append({ n, padding: 'x'.repeat(100) })
      await reportLog.written()
      reportLog.ack(reportLog.lastSeq)
    }
    await expect.poll(async () => (await readdir(directory)).length).toBeLessThanOrEqual(2)
    expect(reportLog.bytes).toBeLessThan(3000)
    await reportLog.close()
  })

  it('makes producers wait while the disk is behind, and lets them go on', async () => {
    const reportLog = await open()
    expect(reportLog.congested()).toBeUndefined()
    const text = 'x'.repeat(1_000_000)
    for (let n = 0; n < 12; n++) reportLog.append({ text })
    const relief = reportLog.congested()
    expect(relief).toBeDefined()
    await relief
    expect(reportLog.congested()).toBeUndefined()
    await reportLog.close()
  })

  it('tells when an entry was delivered, and when there is something to send', async () => {
    const reportLog = await open()
    const order: string[] = []
    const waiting = reportLog.waitForEntries(new AbortController().signal).then(() => order.push('entries'))
    const seq = reportLog.append({ n: 1 })
    const acked = reportLog.whenAcked(seq).then(() => order.push('acked'))
    await waiting
    expect(order).toEqual(['entries'])
    reportLog.ack(seq)
    await acked
    expect(order).toEqual(['entries', 'acked'])
    const aborter = new AbortController()
    const idle = reportLog.waitForEntries(aborter.signal)
    aborter.abort()
    await idle
    let woken = false
    const again = reportLog.waitForEntries(new AbortController().signal).then(() => (woken = true))
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(woken).toBe(false)
    reportLog.append({ n: 2 })
    await again
    await reportLog.close()
  })

  it('is full above its limit, so that log text can be dropped', async () => {
    const reportLog = await open({ maxBytes: 1000 })
    expect(reportLog.isFull).toBe(false)
    reportLog.append({ text: 'x'.repeat(2000) })
    await reportLog.written()
    expect(reportLog.isFull).toBe(true)
    await reportLog.close()
  })

  it('goes on in memory when its folder cannot be written', async () => {
    const reportLog = await open()
    await rm(directory, { recursive: true, force: true })
    reportLog.append({ n: 1 })
    await reportLog.written()
    expect((await drain(reportLog)).map((entry) => entry.n)).toEqual([1])
    await reportLog.close()
  })
})
