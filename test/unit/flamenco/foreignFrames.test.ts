import { describe, expect, test } from 'vitest'
import { frameNumberOf, savedPaths } from '../../../src/main/dialects/flamenco/foreignFrames.ts'

describe('saved paths in a worker’s log', () => {
  test.each([
    ["pid=4711 > Saved: '/render/shot/000012.png'\n", ['/render/shot/000012.png']],
    ["Saved: '/render/x.exr'", ['/render/x.exr']],
    ["pid=1 > 00:12.345  render           | Saved: 'C:\\out\\0001.png'\r\n", ['C:\\out\\0001.png']],
    ["pid=1 > Saved: '/it's here/0001.png'\n", ["/it's here/0001.png"]],
    ["pid=1 > Saved: '/a/1.png' Time: 00:01.20 (Saving: 00:00.01)\n", ['/a/1.png']],
    ["pid=1 > Saved: '/a/1.png'\npid=1 > Time: 00:01\npid=1 > Saved: '/a/2.png'\npid=1 > Saved: '/a/1.png'\n", ['/a/1.png', '/a/2.png']],
    ["pid=1 > print: not Saved: '/a/1.png'\n", []],
    ['Fra:1 Mem:12M\n', []],
    ["pid=1 > Saved: ''\n", []],
  ])('%j', (log, paths) => expect(savedPaths(log)).toEqual(paths))
})

describe('frame numbers', () => {
  test.each([
    ['/render/000012.png', 12],
    ['/render/shot-0007.jpg', 7],
    ['C:\\out\\shot_0100.exr', 100],
    ['/render/-0005.png', -5],
    ['/render/still.png', null],
    ['/render/2024/still.png', null],
    ['/render/0003', 3],
    ['/render/99999999999999999999.png', null],
  ])('%s → %s', (path, frame) => expect(frameNumberOf(path)).toBe(frame))
})
