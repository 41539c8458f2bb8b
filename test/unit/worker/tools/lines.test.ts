import { describe, expect, it } from 'vitest'
import { LineSplitter, MAX_LINE_BYTES, ShownLines } from '../../../../src/main/worker/tools/process/lines.ts'

function split(chunks: (string | Buffer)[], maxBytes?: number): string[] {
  const splitter = new LineSplitter(maxBytes)
  return [...chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk))), ...splitter.flush()]
}

describe('LineSplitter', () => {
  it.each([
    ['whole lines', ['a\nb\n'], ['a', 'b']],
    ['a last line without an ending', ['a\nb'], ['a', 'b']],
    ['a line in three chunks', ['Fra', ':1', '2\n'], ['Fra:12']],
    ['Windows endings', ['a\r\nb\r\n'], ['a', 'b']],
    ['a Windows ending cut in two', ['a\r', '\nb\n'], ['a', 'b']],
    ['progress that overwrites itself', ['10%\r20%\r', '30%\n'], ['10%', '20%', '30%']],
    ['empty lines', ['a\n\n\nb\n'], ['a', '', '', 'b']],
    ['a chunk that is only the second half of an ending', ['a\r', '\n', 'b\n'], ['a', 'b']],
    ['an empty line after that', ['a\r', '\n', '\nb\n'], ['a', '', 'b']],
    ['nothing', [], []],
  ])('gives %s', (_name, chunks, lines) => {
    expect(split(chunks)).toEqual(lines)
  })

  it('never cuts a character that arrives in two chunks', () => {
    const bytes = Buffer.from('één – 😀\n')
    for (let at = 1; at < bytes.length; at++) {
      expect(split([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(['één – 😀'])
    }
  })

  it('cuts a line of more than 40 KiB at 40 KiB', () => {
    expect(split(['x'.repeat(MAX_LINE_BYTES * 2 + 5)]).map((line) => line.length)).toEqual([MAX_LINE_BYTES, MAX_LINE_BYTES, 5])
    expect(split(['x'.repeat(MAX_LINE_BYTES * 2 + 5) + '\n']).map((line) => line.length)).toEqual([MAX_LINE_BYTES, MAX_LINE_BYTES, 5])
  })

  it.each(['é', '€', '😀'])('cuts long lines between characters (%s)', (character) => {
    for (const shift of ['', 'a', 'ab', 'abc']) {
      const text = shift + character.repeat(50)
      for (const chunks of [[text], [`${text}\n`]]) {
        const lines = split(chunks, 16)
        expect(lines.join('')).toBe(text)
        expect(lines.every((line) => Buffer.byteLength(line) <= 16)).toBe(true)
        expect(lines.length).toBeLessThanOrEqual(Math.ceil(Buffer.byteLength(text) / 13))
      }
    }
  })

  it('goes on with bytes that are no UTF-8', () => {
    const lines = split([Buffer.alloc(100, 0x80)], 16)
    expect(lines.length).toBe(7)
    expect(lines.join('')).toBe('�'.repeat(100))
  })

  it('gives an unfinished line when it grows too long, not only at its end', () => {
    const splitter = new LineSplitter(10)
    expect(splitter.push(Buffer.from('0123456789abcdef'))).toEqual(['0123456789'])
    expect(splitter.push(Buffer.from('\n'))).toEqual(['abcdef'])
  })
})

describe('ShownLines', () => {
  const hide = (line: string) => line.replaceAll('.hidden/', '')
  it('changes whole lines, however they are cut, and keeps what ends them', () => {
    const lines = new ShownLines(hide)
    expect(lines.push('Saved: /a/.hid')).toBe('')
    expect(lines.push('den/1.png\r\nFra:2\rFra')).toBe('Saved: /a/1.png\r\n')
    expect(lines.push(':3\n\n.hidden/')).toBe('Fra:2\rFra:3\n\n')
    expect(lines.flush()).toBe('')
    expect(lines.push('x')).toBe('')
    expect(lines.flush()).toBe('x')
  })

  it('lets text through at once where nothing is to be changed, and what never ends its line', () => {
    expect(new ShownLines(undefined).push('half a li')).toBe('half a li')
    expect(new ShownLines(hide).push('x'.repeat(50_000))).toHaveLength(50_000)
  })
})
