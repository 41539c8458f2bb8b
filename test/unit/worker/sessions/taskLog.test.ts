import { describe, expect, it } from 'vitest'
import { decodeRaw, encodeRaw } from '../../../../src/main/system/rawText.ts'
import { TaskLog } from '../../../../src/main/worker/apps/taskLog.ts'
import { OutputText } from '../../../../src/main/worker/tools/process/lines.ts'
import { differenceOf, HOSTILE } from '../../../support/hostile.ts'

const MARKER = 'framehouse-0a1b 7'
const PREFIX = 'pid=9 > '

/** What the log has of a stream that comes in such chunks, without prefixes; `ended`: the marker came. */
async function logged(chunks: readonly Buffer[], options: { marker?: string; shown?: (line: string) => string } = {}) {
  const parts: string[] = []
  const lines: string[] = []
  const log = new TaskLog({
    context: { write: (_stream, text) => void parts.push(text), congested: () => undefined },
    pid: 9,
    streams: ['stdout'],
    ...options,
    onLine: (line) => void lines.push(line),
  })
  let ended = false
  void log.whole.then(() => (ended = true))
  const output = new OutputText()
  for (const chunk of chunks) void log.push(output.push(chunk), 'stdout')
  void log.push(output.flush(), 'stdout')
  log.end()
  await Promise.resolve()
  const text = parts.join('')
  return { text, bytes: encodeRaw(text.replaceAll(PREFIX, '')), lines, ended }
}

const marked = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.from(`\n${MARKER}\n`)])
/** As our own log ends an unfinished line. */
const ended = (bytes: Buffer): Buffer => (bytes.at(-1) === 10 || bytes.length === 0 ? bytes : Buffer.concat([bytes, Buffer.of(10)]))

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
}

describe('the log of a task in an open application', () => {
  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['lines', Buffer.from('one\ntwo\n')],
    ['a line without an end', Buffer.from('one\ntwo')],
    ['empty lines at the beginning and the end', Buffer.from('\n\none\n\n\n')],
    ['nothing but an empty line', Buffer.from('\n')],
    ['returns within lines', Buffer.from('10%\r20%\r\nnext\r')],
    ['what is like the marker', Buffer.from(`x${MARKER}\n${MARKER}0\n${MARKER.slice(0, -1)}\n ${MARKER}\nframe`)],
    ['hostile bytes', HOSTILE],
    ['the same without the long line', Buffer.concat([HOSTILE.subarray(0, 50), HOSTILE.subarray(-30)])],
  ])('keeps %s as it was written, up to the marker, however the pipe cuts it', async (_, bytes) => {
    const sizes = bytes.length < 1000 ? [1, 2, 3, 7, 1000] : [1000, 65_536, 1_000_000]
    for (const size of sizes) {
      const found = await logged(cut(marked(bytes), size), { marker: MARKER })
      expect(differenceOf(found.bytes, ended(bytes)), `in pieces of ${size}`).toBeUndefined()
      expect(found.ended).toBe(true)
    }
  })

  it('ends also at a marker whose lines end as on Windows', async () => {
    for (const size of [1, 2, 3, 1000]) {
      const found = await logged(cut(Buffer.from(`one\r\n\r\n${MARKER}\r\n`), size), { marker: MARKER })
      expect([found.bytes.toString(), found.ended]).toEqual(['one\r\n', true])
    }
  })

  it('keeps what was held back when no marker comes', async () => {
    for (const text of ['one\n\n', `one\n${MARKER.slice(0, 5)}`, '\n', 'one']) {
      const found = await logged([Buffer.from(text)], { marker: MARKER })
      expect([found.bytes.toString(), found.ended]).toEqual([ended(Buffer.from(text)).toString(), false])
    }
  })

  it('puts the process id before each line, and nothing within one', async () => {
    const { text } = await logged([HOSTILE], { marker: MARKER })
    const ends = text.split('\n').slice(0, -1)
    expect(ends.every((line) => line.startsWith(PREFIX) && !line.slice(1).includes(PREFIX))).toBe(true)
    expect(text).toBe(
      ended(HOSTILE)
        .toString('latin1')
        .split('\n')
        .slice(0, -1)
        .map((line) => `${PREFIX}${decodeRaw(Buffer.from(line, 'latin1'))}\n`)
        .join(''),
    )
  })

  it('tells lines as a terminal shows them, and shows changed lines where it is asked to', async () => {
    const { lines, text } = await logged([Buffer.from('10%\r20%\r\nSaved: /hidden/a.png\nx')], {
      marker: MARKER,
      shown: (line) => line.replace('/hidden', '/shown'),
    })
    expect(lines).toEqual(['10%', '20%', 'Saved: /hidden/a.png', 'x'])
    expect(text).toBe(`${PREFIX}10%\r20%\r\n${PREFIX}Saved: /shown/a.png\n${PREFIX}x\n`)
  })
})
