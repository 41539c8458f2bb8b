import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tarOf } from '../../../src/main/files/tar.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-tar-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

describe('a folder as a tar archive', () => {
  it('is unpacked by tar to the same files: empty ones, long names, several blocks', async () => {
    const from = join(folder, 'from')
    const files = new Map([
      ['empty', Buffer.alloc(0)],
      ['one block', randomBytes(512)],
      [`${'deep/'.repeat(30)}${'long-'.repeat(20)}ä.bin`, randomBytes(3_000_001)],
    ])
    for (const [name, bytes] of files) {
      await mkdir(join(from, name, '..'), { recursive: true })
      await writeFile(join(from, name), bytes)
    }
    await pipeline(tarOf(from, 'copy'), createWriteStream(join(folder, 'archive.tar')))
    execFileSync('tar', ['-xf', 'archive.tar'], { cwd: folder })
    const unpacked = (await readdir(join(folder, 'copy'), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    expect(unpacked).toHaveLength(files.size)
    for (const [name, bytes] of files) expect(hash(await readFile(join(folder, 'copy', name))), name).toBe(hash(bytes))
  })

  it('ends with an error, not with a damaged archive, when a file becomes shorter while it is read', async () => {
    const path = join(folder, 'from')
    await mkdir(path)
    await writeFile(join(path, 'log'), Buffer.alloc(20_000_000))
    const archive = tarOf(path, 'copy')
    const reading = (async () => {
      for await (const _chunk of archive) await truncate(join(path, 'log'), 0)
    })()
    await expect(reading).rejects.toThrow('became shorter')
  })
})
