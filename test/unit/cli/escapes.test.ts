import { describe, expect, it } from 'vitest'
import { safeForTerminal, safeLog } from '../../../src/main/cli/output/escapes.ts'

const ESC = '\u001b'

describe('what a terminal would obey', () => {
  it.each([
    ['a title', `${ESC}]0;pwned\u0007`, '␛]0;pwned␇'],
    ['a cursor that goes up', `ok${ESC}[1A${ESC}[2Klied`, `ok␛[1A${ESC}[2Klied`],
    ['a query that is answered into the shell', `${ESC}[6n${ESC}P$q${ESC}\\`, '␛[6n␛P$q␛\\'],
    ['the same in one byte (C1)', '\u009b1A', '<009b>1A'],
    ['letters that run backwards', 'gpj.\u202eexe', 'gpj.<202e>exe'],
    ['a bell and a backspace', 'a\u0007\b', 'a␇␈'],
    ['a half sequence at the end', `x${ESC}`, 'x␛'],
  ])('is made visible: %s', (_what, text, shown) => expect(safeForTerminal(text)).toBe(shown))

  it('our own colours and redrawn lines stay', () => {
    const own = `${ESC}[32mcompleted${ESC}[0m\n\r12 %${ESC}[K\tx`
    expect(safeForTerminal(own)).toBe(own)
  })

  it('a log does nothing at all: no colour, no line drawn over another', () => {
    expect(safeLog(`all good\rrm -rf\r\n${ESC}[8mhidden${ESC}[0m\tend\n`)).toBe('all good\nrm -rf\r\n␛[8mhidden␛[0m\tend\n')
  })
})
