import { describe, expect, it } from 'vitest'
import { MAX_FILES, MAX_LINES, tooLarge } from '../../../scripts/sizes.mjs'

const files = (folder: string, count: number, lines = 1): [string, number][] =>
  Array.from({ length: count }, (_, index) => [`${folder}/${index}.ts`, lines])

describe('the sizes of files and folders', () => {
  it('pass at their limits', () => {
    expect(tooLarge(new Map(files('src/a', MAX_FILES, MAX_LINES)))).toEqual([])
  })

  it('name a file that is one line too long', () => {
    expect(tooLarge(new Map([['src/a.ts', MAX_LINES + 1]]))).toEqual([expect.stringContaining(`src/a.ts: ${MAX_LINES + 1} lines`)])
  })

  it('name a folder with one file too many, not counting the files of its folders', () => {
    const room = files('src/a', MAX_FILES + 1)
    expect(tooLarge(new Map([...room, ...files('src/b', MAX_FILES), ...files('src/b/c', MAX_FILES)]))).toEqual([
      expect.stringContaining(`src/a: ${MAX_FILES + 1} files`),
    ])
  })

  it('leave out what is exempt', () => {
    expect(tooLarge(new Map([...files('src/a', MAX_FILES + 1), ['src/b.ts', MAX_LINES + 1]]), new Set(['src/a', 'src/b.ts']))).toEqual([])
  })
})
