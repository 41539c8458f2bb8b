import { describe, expect, it } from 'vitest'
import { decodeRaw, encodeRaw, rawByteLength } from '../../../src/main/system/rawText.ts'

describe('bytes of a program as text', () => {
  it.each([
    ['UTF-8', Buffer.from('één – 😀\n')],
    ['Latin-1', Buffer.from('caf\u00e9 \u00ff\n', 'latin1')],
    ['half of a character', Buffer.from('€').subarray(0, 2)],
    ['a character without its start', Buffer.from('😀x').subarray(2)],
    ['overlong and surrogate sequences', Buffer.of(0xc0, 0x80, 0xed, 0xa0, 0x80, 0xed, 0xb2, 0x80, 0xf5, 0x80, 0x80, 0x80)],
    ['every byte', Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256))],
    ['nothing', Buffer.alloc(0)],
  ])('come back the same: %s', (_name, bytes) => {
    const text = decodeRaw(bytes)
    expect(encodeRaw(text).equals(bytes)).toBe(true)
    expect(rawByteLength(text)).toBe(bytes.length)
    const overTheWire: unknown = JSON.parse(Buffer.from(JSON.stringify({ text })).toString())
    expect(overTheWire).toEqual({ text })
  })

  it('keep readable text readable', () => {
    expect(decodeRaw(Buffer.from('ä 😀'))).toBe('ä 😀')
    expect(decodeRaw(Buffer.from('a\u00e9b', 'latin1'))).toBe('a\udce9b')
  })

  it('takes text that was never bytes as UTF-8', () => {
    expect(encodeRaw('x\ud800y').toString()).toBe('x\ufffdy')
  })
})
