import { stat } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LogSegments, segmentFile } from '../../../src/main/logs/segments.ts'
import { open } from 'node:fs/promises'
import type { LogStream } from '../../../src/shared/enums.ts'
import { decodeRaw } from '../../../src/main/system/rawText.ts'
import type { ReportEvent } from '../../../src/shared/schemas/agent.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { violations } from '../../support/invariants.ts'
import { TestFarm } from '../../support/testFarm.ts'

describe('log segments', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => {
    folder = await temporaryFolder()
  })
  afterEach(() => folder.remove())

  async function read(segment: number, offset: number, bytes: number): Promise<string> {
    const file = await open(segmentFile(folder.path, segment), 'r')
    const buffer = Buffer.alloc(bytes)
    await file.read(buffer, 0, bytes, offset)
    await file.close()
    return buffer.toString()
  }

  it('puts bytes one after another where it announced they would be', async () => {
    const segments = await LogSegments.open(folder.path, 0)
    expect(segments.dirty).toBe(false)
    const places = ['hello\n', 'wörld\n', 'x'].map((text) => ({ text, ...segments.append(Buffer.from(text)) }))
    expect(segments.dirty).toBe(true)
    await segments.flush()
    expect(segments.dirty).toBe(false)
    const more = { text: 'later\n', ...segments.append(Buffer.from('later\n')) }
    await segments.flush()
    for (const { text, segment, offset } of [...places, more]) expect(await read(segment, offset, Buffer.byteLength(text))).toBe(text)
    expect(more).toMatchObject({ segment: 1, offset: 14 })
    await segments.close()
  })

  it('makes no file while there is nothing to write', async () => {
    const segments = await LogSegments.open(folder.path, 4)
    await segments.flush()
    await segments.close()
    await expect(stat(segmentFile(folder.path, 5))).rejects.toThrow('ENOENT')
  })

  it('begins a new file when the open one is full, between flushes', async () => {
    const segments = await LogSegments.open(folder.path, 0)
    const big = Buffer.alloc(40 * 1024 * 1024, 'a')
    expect(segments.append(big)).toEqual({ segment: 1, offset: 0 })
    expect(segments.append(big)).toEqual({ segment: 1, offset: big.length })
    expect(segments.append(Buffer.from('same flush'))).toEqual({ segment: 1, offset: 2 * big.length })
    await segments.flush()
    expect(segments.append(Buffer.from('next'))).toEqual({ segment: 2, offset: 0 })
    await segments.flush()
    expect(await read(2, 0, 4)).toBe('next')
    expect((await stat(segmentFile(folder.path, 1))).size).toBe(2 * big.length + 10)
    expect(await segments.remove(2)).toBe(false)
    expect(await segments.remove(1)).toBe(true)
    expect(await segments.remove(1)).toBe(true)
    await segments.close()
  })

  it('does not begin a new file under a flush that still writes', async () => {
    const segments = await LogSegments.open(folder.path, 0)
    const big = Buffer.alloc(64 * 1024 * 1024, 'a')
    segments.append(big)
    const flushing = segments.flush()
    expect(segments.append(Buffer.from('meanwhile'))).toEqual({ segment: 1, offset: big.length })
    await flushing
    await segments.flush()
    expect(segments.append(Buffer.from('next'))).toEqual({ segment: 2, offset: 0 })
    await segments.close()
    expect(await read(1, big.length, 9)).toBe('meanwhile')
    expect(await read(2, 0, 4)).toBe('next')
  })

  it('never appends to a file of before: what a crash left in it was not acknowledged', async () => {
    const first = await LogSegments.open(folder.path, 0)
    first.append(Buffer.from('left over'))
    await first.close()
    const second = await LogSegments.open(folder.path, 0)
    expect(second.append(Buffer.from('new'))).toEqual({ segment: 2, offset: 0 })
    await second.close()
    const third = await LogSegments.open(folder.path, 7)
    expect(third.append(Buffer.from('x')).segment).toBe(8)
    await third.close()
  })
})

describe('reading logs', () => {
  let test: TestFarm
  beforeEach(async () => {
    test = await TestFarm.open()
  })
  afterEach(async () => {
    expect(await violations(test)).toEqual({})
    await test.close()
  })

  const line = (text: string, stream: LogStream = 'stdout', at = test.time): ReportEvent => ({ type: 'log', at, stream, text })

  async function attemptWith(texts: ReportEvent[]) {
    const worker = await test.worker('ada')
    await test.submit([{}])
    const task = await test.takeOne(worker)
    for (const text of texts) {
      await test.say(worker, task, text)
    }
    return { worker, task }
  }

  it('gives any range of bytes, over chunks and beyond the end', async () => {
    const texts = Array.from({ length: 20 }, (_, at) => `line ${at} äöü\n`)
    const { task } = await attemptWith(texts.map((text) => line(text)))
    const whole = Buffer.from(texts.join(''))
    const { logs } = test
    expect(await logs.info(task.taskId, 1)).toEqual({ bytes: whole.length, lines: 20 })
    const end = whole.length
    for (const [from, length] of [
      [0, end],
      [0, 1],
      [5, 100],
      [13, 14],
      [end - 3, 99],
      [end, 5],
      [0, 0],
      [999, 1],
      [37, 1],
    ] as const) {
      expect(await logs.read(task.taskId, 1, from, length), `${from}+${length}`).toEqual(whole.subarray(from, from + length))
    }
    expect(await test.opened.read.all('select * from log_chunks')).toHaveLength(20)
  })

  it('gives lines with their time and stream', async () => {
    const { worker, task } = await attemptWith([line('a\nb\n', 'stdout', 1000), line('c\n', 'stderr', 2000)])
    await test.farm.native.report(
      worker.publicId,
      [3, 4, 5].map((seq) => ({
        seq,
        taskId: task.taskId,
        attempt: 1,
        event: line(`${seq}\n`, seq === 4 ? 'stderr' : 'stdout', seq * 1000),
      })),
      0,
    )
    const expected = [
      { line: 0, at: 1000, stream: 'stdout', text: 'a' },
      { line: 1, at: 1000, stream: 'stdout', text: 'b' },
      { line: 2, at: 2000, stream: 'stderr', text: 'c' },
      { line: 3, at: 3000, stream: 'stdout', text: '3' },
      { line: 4, at: 4000, stream: 'stderr', text: '4' },
      { line: 5, at: 5000, stream: 'stdout', text: '5' },
    ]
    expect(await test.logs.lines(task.taskId, 1, 0, 100)).toEqual(expected)
    for (const [first, count] of [
      [0, 1],
      [1, 2],
      [2, 1],
      [4, 2],
      [5, 9],
      [6, 1],
      [0, 0],
    ] as const) {
      expect(await test.logs.lines(task.taskId, 1, first, count), `${first}+${count}`).toEqual(expected.slice(first, first + count))
    }
  })

  it('adds nothing to a line that lacks its newline, and counts it and empty lines', async () => {
    const { task } = await attemptWith([line('no newline'), line('\n\n'), line('')])
    expect(await test.log(task.taskId)).toBe('no newline\n\n')
    const info = await test.logs.info(task.taskId, 1)
    expect(info?.bytes).toBe(12)
    expect((await test.logs.lines(task.taskId, 1, 0, 100)).length).toBe(info?.lines)
  })

  it('keeps the bytes of each stream, also those that are no text and lines that pause', async () => {
    const raw = Buffer.concat([Buffer.from('10%\r20%\r\n'), Buffer.of(0xe9, 0xff, 0x0a), Buffer.from('x'.repeat(50_000))])
    const { task } = await attemptWith([
      line(decodeRaw(raw)),
      line('warned', 'stderr', 2_000),
      line('the farm\n', 'farm', 3_000),
      line(' and on'),
    ])
    const [out, err] = await Promise.all((['stdout', 'stderr'] as const).map((stream) => bytesOf(task.taskId, [stream])))
    expect(out).toEqual(Buffer.concat([raw, Buffer.from(' and on')]))
    expect(err?.toString()).toBe('warned')
    expect((await bytesOf(task.taskId, ['stdout', 'stderr'])).length).toBe(raw.length + 7 + 6)
    expect(await test.log(task.taskId)).toContain('warned\nthe farm\n and on')
    const tail = await test.logs.streamTail(task.taskId, 1, 'stdout', 20)
    expect([tail.bytes.toString(), tail.isCut]).toEqual(['xxxxxxxxxxxxx and on', true])
    expect(await test.logs.streamTail(task.taskId, 1, 'stderr', 20)).toEqual({ bytes: Buffer.from('warned'), isCut: false })
    const texts = (await test.logs.lines(task.taskId, 1, 0, 3)).map(({ text }) => text)
    expect(texts).toEqual(['20%', '\ufffd\ufffd', 'x'.repeat(50_000)])
  })

  async function bytesOf(taskId: string, streams: LogStream[]): Promise<Buffer> {
    const parts: Buffer[] = []
    for await (const { bytes } of test.logs.streams(taskId, 1, streams)) parts.push(bytes)
    return Buffer.concat(parts)
  }

  it('the log of a task is that of its attempts one after another, with the lines of the farm around each', async () => {
    const { worker, task } = await attemptWith([line('first\n')])
    await test.finish(worker, task, 'lost', null)
    test.pass(61_000)
    const second = await test.takeOne(worker)
    await test.say(worker, second, line('second\n'))
    test.pass(5_000)
    await test.finish(worker, second)
    const said = (ago: number, text: string): string => `${new Date(test.time - ago).toISOString()} ${text}\n`
    const before = said(66_000, `Task assigned to worker ada (${worker.publicId})`) + said(66_000, 'task changed status queued -> active')
    const whole = [
      before,
      'first\n',
      said(66_000, 'task changed status active -> queued'),
      said(5_000, `Task assigned to worker ada (${worker.publicId})`),
      said(5_000, 'task changed status queued -> active'),
      'second\n',
      said(0, 'task changed status active -> completed'),
    ].join('')
    expect(await test.logs.taskInfo(task.taskId)).toEqual({ bytes: Buffer.byteLength(whole) })
    const [body, end] = [before.length, whole.length]
    for (const [from, length] of [
      [0, 1e6],
      [0, 10],
      [20, 100],
      [body, 6],
      [end - 70, 30],
      [end - 4, 99],
      [end, 1],
    ] as const) {
      expect((await test.logs.readTask(task.taskId, from, length)).toString(), `${from}+${length}`).toBe(whole.slice(from, from + length))
    }
  })

  it('the log of a task tells each change of its status', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}])
    await test.fail(ada, await test.takeOne(ada))
    await test.finish(bob, await test.takeOne(bob), 'lost', null)
    await test.takeOne(bob)
    await test.farm.tasks.setStatus(test.taskId(job, 1), 'canceled', 'enough')
    await test.farm.tasks.setStatus(test.taskId(job, 1), 'queued', 'once more')
    await test.farm.jobs.act(job.publicId, 'requeue', 'tester')
    await test.finish(ada, await test.takeOne(ada))
    const text = (await test.logs.readTask(test.taskId(job, 1), 0, 1e6)).toString()
    const changes = text.split('\n').flatMap((one) => /task changed status (.*)$/.exec(one)?.[1] ?? [])
    expect(changes).toEqual([
      'queued -> active',
      'active -> soft-failed',
      'soft-failed -> active',
      'active -> queued',
      'queued -> active',
      'active -> canceled',
      'canceled -> queued',
      'queued -> active',
      'active -> completed',
    ])
  })

  it('an ordinary run of a task writes none of these lines', async () => {
    const { worker, task } = await attemptWith([line('its own\n')])
    await test.finish(worker, task)
    expect(await test.log(task.taskId)).toBe('its own\n')
  })

  it('keeps the farm’s own lines apart from the worker’s', async () => {
    const { task } = await attemptWith([line('worker\n')])
    await test.farm.results.appendFarmLog(task.taskId, 'from the farm')
    const lines = await test.logs.lines(task.taskId, 1, 0, 9)
    expect(lines.map(({ stream }) => stream)).toEqual(['stdout', 'farm'])
    expect(lines[1]!.text).toBe(`${new Date(test.time).toISOString()} from the farm`)
  })

  it('keeps the order of late lines, however the attempt is loaded and how often', async () => {
    const { worker, task } = await attemptWith([line('0\n')])
    await test.finish(worker, task)
    const late = (seq: number) =>
      test.farm.native.report(worker.publicId, [{ seq, taskId: task.taskId, attempt: 1, event: line(`${seq}\n`) }], 0)
    await Promise.all([late(3), late(4), test.farm.results.appendFarmLog(task.taskId, 'meanwhile'), late(5)])
    await Promise.all([late(6), late(7)])
    const text = await test.log(task.taskId)
    expect(text.split('\n').filter((one) => /^\d$/.test(one))).toEqual(['0', '3', '4', '5', '6', '7'])
    expect(await test.opened.read.get('select status from attempts')).toEqual({ status: 'completed' })
  })

  it('goes on in a new segment after a restart', async () => {
    const { worker, task } = await attemptWith([line('before\n')])
    await test.restart()
    await test.say(test.again(worker), task, line('after\n'))
    expect(await test.log(task.taskId)).toBe('before\nafter\n')
    expect(await test.opened.read.all('select distinct segment_id from log_chunks')).toHaveLength(2)
  })

  it('answers nothing for what is not there', async () => {
    await attemptWith([])
    for (const id of ['nonsense', '0000002a-1c3d-4e5f-8a9b-0c1d2e3f4a5b']) {
      expect(await test.logs.info(id, 1)).toBeUndefined()
      expect(await test.logs.read(id, 1, 0, 10)).toEqual(Buffer.alloc(0))
      expect(await test.logs.lines(id, 1, 0, 10)).toEqual([])
      expect(await test.logs.taskInfo(id)).toEqual({ bytes: 0 })
    }
  })

  it('20 workers that write at once do not mix their logs', async () => {
    const workers = await Promise.all(Array.from({ length: 20 }, (_, at) => test.worker(`w${at}`)))
    await test.submit(workers.map(() => ({})))
    const tasks = await Promise.all(workers.map((worker) => test.takeOne(worker)))
    await Promise.all(
      workers.map(async (worker, at) => {
        for (let round = 0; round < 50; round++) await test.say(worker, tasks[at]!, line(`w${at} ${round}\n`))
      }),
    )
    for (const [at, task] of tasks.entries()) {
      expect(await test.log(task.taskId)).toBe(Array.from({ length: 50 }, (_, round) => `w${at} ${round}\n`).join(''))
    }
  })
})
