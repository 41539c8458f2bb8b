import { describe, expect, test } from 'vitest'
import * as crosspath from '../../../src/shared/paths/crosspath.ts'

describe('base', () => {
  test.each([
    ['', '.'],
    ['/', '/'],
    ['justafile.txt', 'justafile.txt'],
    ['/linux/path/file.txt', 'file.txt'],
    ['/linux/path/trailing/', 'trailing'],
    ['/linux/path/trailing///', 'trailing'],
    ['C:\\ugly\\path\\file.txt', 'file.txt'],
    ['C:\\ugly\\path\\dir\\', 'dir'],
    ['mixed/path\\file.txt', 'file.txt'],
    ['één/tähti.blend', 'tähti.blend'],
  ])('%j → %j', (path, expected) => expect(crosspath.base(path)).toBe(expected))
})

describe('dir', () => {
  test.each([
    ['', '.'],
    ['justafile.txt', '.'],
    ['/', '/'],
    ['/x', '/'],
    ['/linux/path/file.txt', '/linux/path'],
    ['/linux/path/', '/linux/path'],
    ['C:\\x', 'C:'],
    ['C:\\ugly\\path\\file.txt', 'C:/ugly/path'],
    ['\\\\SERVER\\mount\\file.txt', '//SERVER/mount'],
    ['/not/../cleaned//x', '/not/../cleaned/'],
  ])('%j → %j', (path, expected) => expect(crosspath.dir(path)).toBe(expected))
})

describe('join', () => {
  test.each([
    [[], ''],
    [['', ''], ''],
    [['a', 'b'], 'a/b'],
    [['a', '', 'b'], 'a/b'],
    [['/a/', './b/../c'], '/a/c'],
    [['/', '..', 'x'], '/x'],
    [['..', 'x'], '../x'],
    [['a', '..'], '.'],
    [['a//b', 'c'], 'a/b/c'],
    [['\\\\SERVER', 'mount'], '//SERVER/mount'],
    [['C:\\dir', 'file'], 'C:/dir/file'],
  ])('%j → %j', (parts, expected) => expect(crosspath.join(...parts)).toBe(expected))
})

describe('stem', () => {
  test.each([
    ['', ''],
    ['name', 'name'],
    ['a.tar.gz', 'a.tar'],
    ['/x/scene.flamenco.blend', 'scene.flamenco'],
    ['C:\\x\\scene.blend', 'scene'],
  ])('%j → %j', (path, expected) => expect(crosspath.stem(path)).toBe(expected))
})

describe('toPlatform', () => {
  test.each([
    ['/dir/path/', 'windows', '\\dir\\path'],
    ['F:\\directory\\', 'linux', 'F:/directory'],
    ['F:/dir//sub\\file', 'windows', 'F:\\dir\\sub\\file'],
    ['//SERVER/share', 'windows', '\\\\SERVER\\share'],
    ['\\\\SERVER\\share\\', 'linux', '//SERVER/share'],
    ['/', 'windows', '\\'],
    ['', 'linux', ''],
    ['/already/fine', 'darwin', '/already/fine'],
    ['/any/other', 'plan9', '/any/other'],
  ])('%j on %s → %j', (path, platform, expected) => expect(crosspath.toPlatform(path, platform)).toBe(expected))
})

describe('trimTrailingSep', () => {
  test.each([
    ['', ''],
    ['/', '/'],
    ['\\', '\\'],
    ['/\\', '/'],
    ['/dir/', '/dir'],
    ['C:\\dir\\\\', 'C:\\dir'],
    ['S:\\', 'S:'],
    ['dir', 'dir'],
  ])('%j → %j', (path, expected) => expect(crosspath.trimTrailingSep(path)).toBe(expected))
})

describe('ensureDriveAbsolute', () => {
  test.each([
    ['F:', 'F:\\'],
    ['F:x', 'F:\\x'],
    ['F:\\x', 'F:\\x'],
    ['F:/x', 'F:/x'],
    ['/x', '/x'],
    ['x', 'x'],
    ['', ''],
  ])('%j → %j', (path, expected) => expect(crosspath.ensureDriveAbsolute(path)).toBe(expected))
})

test('isUnc tells server paths from others', () => {
  expect(crosspath.isUnc('\\\\SERVER\\share')).toBe(true)
  expect(crosspath.isUnc('\\dir')).toBe(false)
  expect(crosspath.isUnc('C:\\dir')).toBe(false)
})

test('goPlatform says windows for win32 and leaves the others', () => {
  expect(crosspath.goPlatform('win32')).toBe('windows')
  expect(crosspath.goPlatform('darwin')).toBe('darwin')
})

describe('isAbsoluteOn', () => {
  test.each([
    ['/x', 'linux', true],
    ['/', 'darwin', true],
    ['x', 'linux', false],
    ['', 'linux', false],
    ['C:\\x', 'linux', false],
    ['C:\\x', 'windows', true],
    ['c:/x', 'windows', true],
    ['C:', 'windows', false],
    ['C:x', 'windows', false],
    ['\\x', 'windows', false],
    ['/x', 'windows', false],
    ['\\\\server\\share', 'windows', true],
    ['//server/share', 'windows', true],
    ['\\\\server', 'windows', false],
  ])('%j on %s → %s', (path, platform, expected) => expect(crosspath.isAbsoluteOn(path, platform)).toBe(expected))
})
