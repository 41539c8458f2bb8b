import { describe, expect, it } from 'vitest'
import { cleanPath, folderKey, globLiteral, isAbsolutePath, JobPathError, placePath, safeName } from '../../../src/shared/paths/jobPaths.ts'

describe('a path that a job names', () => {
  it.each([
    ['/a/b', true],
    ['C:/a', true],
    ['C:\\a', true],
    ['\\\\server\\share', true],
    ['{jobs}/a', true],
    ['{frame}.png', false],
    ['{timestamp}/a', false],
    ['{frame:04}.png', false],
    ['C:a', false],
    ['a/b', false],
    ['~/a', false],
  ])('%j is absolute: %s', (path, absolute) => expect(isAbsolutePath(path)).toBe(absolute))

  it.each([
    ['renders', '/p/shots', '/p/shots/renders'],
    ['../renders/./x', '/p/shots', '/p/renders/x'],
    ['../../../..', '/p/shots', '/'],
    ['//renders', '/p/shots', '/p/shots/renders'],
    ['//server/share/x', 'C:/p/shots', '//server/share/x'],
    ['renders', 'R:\\p\\shots', 'R:/p/shots/renders'],
    ['renders', '\\\\nas\\p', '//nas/p/renders'],
    ['../../renders', '{jobs}/a', '{jobs}/../renders'],
    ['/abs/../x', '/p', '/abs/../x'],
  ])('%j beside %j is %j', (path, base, placed) => expect(placePath(path, base)).toBe(placed))

  it.each(['~/x', '$HOME/x', '%TEMP%\\x', 'C:x', '\\x', 'a\nb', '/a\tb', ' ', 'x'])(
    '%j is refused without a folder to take it from',
    (path) => {
      expect(() => placePath(path)).toThrow(JobPathError)
      expect(() => placePath(path, 'also/relative')).toThrow(JobPathError)
    },
  )
})

it.each([
  ['/Renders/Shot', '/renders/shot/', true],
  ['/renders/shot', '\\renders\\shot', true],
  ['/renders/x/../shot', '/renders/./shot', true],
  ['C:\\Out', 'c:/out', true],
  ['//nas/out', '/nas/out', false],
  ['/out/\u00fc', '/out/u\u0308', true],
  ['/out/a', '/out/a b', false],
])('%j and %j may be one folder: %s', (a, b, same) => expect(folderKey(a) === folderKey(b)).toBe(same))

it.each([
  ['', '.'],
  ['/', '/'],
  ['a/../..', '..'],
  ['/../x', '/x'],
  ['C:/../x', 'C:/x'],
  ['//nas/../x', '//nas/x'],
])('%j is %j without dots', (path, cleaned) => expect(cleanPath(path)).toBe(cleaned))

it.each([
  ['..', '_'],
  ['', '_'],
  ['a/b\\c:d', 'a_b_c_d'],
  ['nul', '_nul'],
  ['COM1.old', '_COM1.old'],
  ['company', 'company'],
  [' x . ', 'x'],
  ['.hidden', '.hidden'],
  ['a\u0000b', 'a_b'],
  ['shot [v2] (ü) 100%', 'shot [v2] (ü) 100%'],
])('%j is the name %j', (text, name) => {
  expect(safeName(text)).toBe(name)
  expect(safeName(name)).toBe(name)
})

it('a pattern of a path matches nothing else', () => {
  expect(globLiteral('/a [1]/b*c?/{jobs}.png')).toBe('/a [[]1]/b[*]c[?]/{jobs}.png')
})
