import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseRange } from '../../../src/main/dialects/native/jobs/range.ts'
import { wholeCharacters } from '../../../src/shared/text/utf8.ts'
import { OWNER } from '../../../src/main/security/accounts/callers.ts'
import { STREAMS_PER_ACCOUNT } from '../../../src/main/security/openStreams.ts'
import { LiveManager, until, type LiveWorker } from '../../support/liveManager.ts'

let farm: LiveManager
let worker: LiveWorker
let fence: { taskId: string; attempt: number }
let base: string

const LINES = ['Blender 3.4.1', 'Fra:1 Mem:10.00M', 'Wärnung: Größe', 'ERROR: out of memory', '💥 done']
const TEXT = LINES.map((line) => `${line}\n`).join('')
const BYTES = Buffer.byteLength(TEXT)

beforeAll(async () => {
  farm = await LiveManager.start()
  worker = await farm.worker()
  await farm.submit()
  const [assignment] = (await worker.take(1, 2_000)).assignments
  if (!assignment) throw new Error('no work')
  fence = assignment
  base = `/tasks/${fence.taskId}/attempts/${fence.attempt}/log`
  await worker.report(fence, { type: 'started', at: Date.now() })
  await worker.log(fence, TEXT)
})
afterAll(() => farm.stop())

describe('the plain log', () => {
  it('is text that no browser takes for a page', async () => {
    const reply = await farm.get(base)
    expect(reply.text).toBe(TEXT)
    expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff')
    expect(reply.headers.get('content-security-policy')).toContain('sandbox')
    expect(reply.headers.get('accept-ranges')).toBe('bytes')
    expect(reply.headers.get('content-length')).toBe(String(BYTES))
  })

  it.each([
    ['bytes=0-6', 206, TEXT.slice(0, 7), `bytes 0-6/${BYTES}`],
    ['bytes=8-', 206, TEXT.slice(8), `bytes 8-${BYTES - 1}/${BYTES}`],
    ['bytes=-5', 206, 'done\n', `bytes ${BYTES - 5}-${BYTES - 1}/${BYTES}`],
    ['bytes=0-99999', 206, TEXT, `bytes 0-${BYTES - 1}/${BYTES}`],
    [`bytes=${BYTES}-`, 416, undefined, `bytes */${BYTES}`],
    ['bytes=5-2', 200, TEXT, null],
    ['lines=1-2', 200, TEXT, null],
    ['bytes=0-1,4-5', 200, TEXT, null],
  ])('Range %s → %i', async (range, status, text, contentRange) => {
    const reply = await farm.get(base, { headers: { range } })
    expect(reply.status).toBe(status)
    if (text !== undefined) expect(reply.text).toBe(text)
    expect(reply.headers.get('content-range')).toBe(contentRange)
  })

  it('can be read on from a byte, also where there is nothing yet', async () => {
    expect((await farm.get(`${base}?from=8`)).text).toBe(TEXT.slice(8))
    expect((await farm.get(`${base}?from=${BYTES}`)).text).toBe('')
    expect((await farm.get(`${base}?from=999999`)).text).toBe('')
  })

  it('can be saved under a name', async () => {
    expect((await farm.get(`${base}?download=true`)).headers.get('content-disposition')).toBe(
      `attachment; filename="${fence.taskId}-1.log"`,
    )
  })

  it('of an attempt that never was is 404', async () => {
    expect((await farm.get(`/tasks/${fence.taskId}/attempts/7/log`)).status).toBe(404)
  })

  it('can be shown by a browser that has only a ticket', async () => {
    const { ticket } = (await farm.call('POST', '/tickets', { body: { kind: 'media' } })).body
    expect((await farm.get(`${base}?ticket=${ticket}`)).status).toBe(200)
  })
})

describe('lines', () => {
  it('come with their number, time and stream', async () => {
    await worker.log(fence, 'to the error stream\n', 'stderr')
    const { body } = await farm.get(`${base}/lines?from=3&count=10`)
    expect(body.first).toBe(3)
    expect(body.total).toBe(6)
    expect(body.lines.map((line: { line: number; stream: string; text: string }) => [line.line, line.stream, line.text])).toEqual([
      [3, 'stdout', 'ERROR: out of memory'],
      [4, 'stdout', '💥 done'],
      [5, 'stderr', 'to the error stream'],
    ])
    expect(Date.parse(body.lines[0].at)).toBeGreaterThan(Date.now() - 60_000)
  })

  it('beyond the end are none', async () => {
    expect((await farm.get(`${base}/lines?from=100`)).body).toMatchObject({ first: 6, total: 6, lines: [] })
  })
})

describe('search', () => {
  const find = async (query: string) => (await farm.get(`${base}/search?${query}`)).body
  const lines = (body: { matches: { line: number }[] }) => body.matches.map((match) => match.line)

  it('finds a text in any case, and says where it is in the line', async () => {
    const body = await find('q=error')
    expect(lines(body)).toEqual([3, 5])
    expect(body).toMatchObject({ done: true, scannedTo: 6 })
    expect(body.matches[0].text.slice(body.matches[0].start, body.matches[0].end)).toBe('ERROR')
  })

  it.each([
    ['q=error&case=true', [5]],
    ['q=größe', [2]],
    ['q=.', [0, 1]],
    ['q=%5C', []],
    ['q=mem%3A%5Cd%2B&regex=true', [1]],
    ['q=%5E%28Fra%7CERROR%29&regex=true&case=true', [1, 3]],
    ['q=o&limit=1', [3]],
    ['q=o&from=4', [4, 5]],
  ])('%s → lines %j', async (query, expected) => {
    expect(lines(await find(query))).toEqual(expected)
  })

  it('goes on where it stopped', async () => {
    const first = await find('q=e&limit=2')
    expect(first.done).toBe(false)
    const rest = await find(`q=e&from=${first.scannedTo}`)
    expect(lines(rest)[0]).toBeGreaterThan(lines(first).at(-1) ?? 99)
  })

  it('refuses a broken pattern, and one that would never end, while others are served', async () => {
    expect(await farm.get(`${base}/search?q=%28&regex=true`)).toMatchObject({ status: 400, body: { field: 'q' } })
    await worker.log(fence, `${'a'.repeat(5_000)}!\n`)
    const evil = farm.get(`${base}/search?q=${encodeURIComponent('^(a+)+$')}&regex=true`)
    const others = async () => {
      for (let i = 0; i < 5; i++) await farm.get('/version')
    }
    // A manager that searched itself would answer no other call before it has answered this.
    expect(await Promise.race([evil.then(() => 'the search'), others().then(() => 'the others')])).toBe('the others')
    expect(await evil).toMatchObject({ status: 400, body: { field: 'q', message: expect.stringContaining('too long') } })
  })
})

describe('following', () => {
  it('is limited for each caller, also when all ask at once', async () => {
    const stop = new AbortController()
    const asked = Array.from({ length: 100 }, () => fetch(`${farm.url}/api/v1${base}/follow?from=0`, { signal: stop.signal }))
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    stop.abort()
    expect(statuses.filter((status) => status === 200)).toHaveLength(STREAMS_PER_ACCOUNT)
    expect(statuses.filter((status) => status === 429)).toHaveLength(100 - STREAMS_PER_ACCOUNT)
    const { streams } = farm.manager.context.security
    await until(() => {
      try {
        streams.assertRoom(OWNER, '127.0.0.1')
        return true
      } catch {
        return false
      }
    }, 'room again')
  })

  it('sends what is there from a byte on, then what comes, and tells the end', async () => {
    const task = await nextTask()
    await worker.log(task, 'first\n')
    const stream = await follow(`/tasks/${task.taskId}/attempts/1/log/follow?from=0`)
    await until(() => stream.text() === 'first\n', 'the first line')
    await worker.log(task, 'zweite Größe\n')
    await worker.log(task, 'third\n')
    await until(() => stream.text() === 'first\nzweite Größe\nthird\n', 'all lines')
    expect(stream.ended()).toBe(false)
    await worker.log(task, 'last\n')
    await worker.finish(task)
    await until(() => stream.ended(), 'the end')
    expect(stream.text()).toBe('first\nzweite Größe\nthird\nlast\n')
    expect(stream.type).toContain('text/event-stream')
  })

  it('ends at once for an attempt that has ended', async () => {
    const task = await nextTask()
    await worker.log(task, 'all\n')
    await worker.finish(task)
    const stream = await follow(`/tasks/${task.taskId}/attempts/1/log/follow?from=0`)
    await until(() => stream.ended(), 'the end')
    expect(stream.text()).toBe('all\n')
  })

  it('a reader that goes away is forgotten', async () => {
    const task = await nextTask()
    const stream = await follow(`/tasks/${task.taskId}/attempts/1/log/follow`)
    stream.abort()
    await worker.log(task, 'this is not read\n')
    await worker.finish(task)
    expect(farm.errors).toEqual([])
  })

  /** A fresh running task of a new job. */
  async function nextTask(): Promise<{ taskId: string; attempt: number }> {
    const other = await farm.worker(`worker ${Math.random()}`)
    const job = await farm.submit()
    const found = await until(
      async () => (await other.take(1, 1_000)).assignments.find((assignment) => assignment.jobId === job.id),
      'a task',
    )
    worker = other
    return found
  }

  async function follow(path: string) {
    const abort = new AbortController()
    const response = await fetch(`${farm.url}/api/v1${path}`, { signal: abort.signal })
    let received = ''
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    void (async () => {
      for (;;) {
        const piece = await reader?.read().catch(() => undefined)
        if (!piece || piece.done) return
        received += piece.value
      }
    })()
    const events = () => received.split('\n\n').filter((block) => block.includes('data:'))
    return {
      type: response.headers.get('content-type') ?? '',
      abort: () => abort.abort(),
      ended: () => received.includes('event: end'),
      text: () =>
        events()
          .filter((block) => !block.includes('event: end'))
          .map((block) => JSON.parse(block.slice(block.indexOf('data: ') + 6)).text)
          .join(''),
    }
  }
})

describe('the parts', () => {
  it.each([
    [undefined, 10, undefined],
    ['bytes=0-0', 10, { start: 0, end: 1 }],
    ['bytes=9-', 10, { start: 9, end: 10 }],
    ['bytes=-20', 10, { start: 0, end: 10 }],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-', 10, undefined],
    ['bytes=a-b', 10, undefined],
  ])('range %s of %i bytes', (header, size, expected) => {
    expect(parseRange(header, size)).toEqual(expected)
  })

  it.each([
    ['abc', 3, 3],
    ['aä', 3, 3],
    ['aä', 2, 1],
    ['a💥', 5, 5],
    ['a💥', 4, 1],
    ['a💥', 2, 1],
    ['', 0, 0],
  ])('whole characters of the first bytes of %s', (text, bytes, whole) => {
    expect(wholeCharacters(Buffer.from(text).subarray(0, bytes))).toBe(whole)
  })
})
