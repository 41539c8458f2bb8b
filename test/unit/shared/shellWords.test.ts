import { describe, expect, it } from 'vitest'
import { ShellWordsError, shellJoin, shellSplit } from '../../../src/shared/text/shellWords.ts'

describe('shellSplit', () => {
  it.each([
    ['', []],
    ['  --background   --enable-autoexec ', ['--background', '--enable-autoexec']],
    [`-b 'a file' "b \\"c\\" \\\\ \\n"`, ['-b', 'a file', 'b "c" \\ n']],
    [`a\\ b c`, ['a b', 'c']],
    [`--name=''`, ['--name=']],
    [`'' ""`, ['', '']],
    [`a'b'"c"`, ['abc']],
    [`one # two three\nfour`, ['one', 'four']],
    ['a#b', ['a#b']],
  ])('splits %j', (text, words) => {
    expect(shellSplit(text)).toEqual(words)
  })

  it.each([`'open`, `"open`, `"open\\`, 'end\\'])('refuses %j', (text) => {
    expect(() => shellSplit(text)).toThrow(ShellWordsError)
  })
})

describe('shellJoin', () => {
  it.each([
    [['blender', '-b', '/a/b.blend'], 'blender -b /a/b.blend'],
    [['a b', "it's", ''], `'a b' 'it'"'"'s' ''`],
    [['--expr', 'x = 1; y = 2'], `--expr 'x = 1; y = 2'`],
    [['pad=ceil(iw/2)*2'], `'pad=ceil(iw/2)*2'`],
  ])('writes %j', (words, text) => {
    expect(shellJoin(words)).toBe(text)
    expect(shellSplit(shellJoin(words))).toEqual(words)
  })
})
