import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ensureDir } from '../../../src/main/system/ensureDir.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-folders-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('making folders', () => {
  it('makes those above as well, with the mode that is asked for, and is content with what is there', async () => {
    const path = join(folder, 'a', 'b', 'c')
    await ensureDir(path, 0o700)
    await ensureDir(path)
    expect((await stat(path)).isDirectory()).toBe(true)
    if (process.platform !== 'win32') expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o700)
  })

  it('many at once do not get in each other’s way', async () => {
    for (let round = 0; round < 20; round++) {
      const paths = Array.from({ length: 16 }, (_, index) => join(folder, `round ${round}`, 'x', 'y', `z ${index % 4}`))
      await Promise.all(paths.map((path) => ensureDir(path)))
      for (const path of paths) expect((await stat(path)).isDirectory()).toBe(true)
    }
  })

  it('a file in the way is reported', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(ensureDir(join(folder, 'file'))).rejects.toThrow('EEXIST')
    await expect(ensureDir(join(folder, 'file', 'below'))).rejects.toThrow('ENOTDIR')
  })

  it.runIf(process.platform === 'linux')('ends where nothing can be made though the parent exists', async () => {
    await expect(ensureDir('/proc/nowhere/farm')).rejects.toThrow('ENOENT')
  })
})
