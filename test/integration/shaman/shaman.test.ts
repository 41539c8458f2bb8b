import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { lstat, mkdir, mkdtemp, readFile, readdir, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConflictError, InvalidInputError } from '../../../src/main/engine/base/errors.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { Checkouts, MissingFilesError } from '../../../src/main/files/shaman/checkout.ts'
import { collectGarbage } from '../../../src/main/files/shaman/garbage.ts'
import { Shaman } from '../../../src/main/files/shaman/shaman.ts'
import { ContentMismatchError, UploadAbortedError } from '../../../src/main/files/content/errors.ts'

const HOUR = 3_600_000
const MONTH = 31 * 24 * HOUR

let storage: string
let shaman: Shaman

function open(): Shaman {
  return new Shaman({
    storage: () => storage,
    settings: () => ({ shamanEnabled: true, shamanGcPeriodMs: HOUR, shamanGcMaxAgeMs: MONTH, contentMaxBytes: 0 }),
    now: Date.now,
    log: silentLogger,
  })
}

beforeEach(async () => {
  storage = await mkdtemp(path.join(tmpdir(), 'shaman-'))
  shaman = open()
})
afterEach(() => rm(storage, { recursive: true, force: true }))

function blobOf(content: Buffer | string): { sha: string; size: number } {
  const bytes = Buffer.from(content)
  return { sha: createHash('sha256').update(bytes).digest('hex'), size: bytes.length }
}

async function* streamOf(...chunks: (Buffer | string)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

async function upload(content: Buffer | string): Promise<{ sha: string; size: number }> {
  const blob = blobOf(content)
  await shaman.store.store(blob, streamOf(content), false)
  return blob
}

/** All regular files below a folder, relative. */
async function filesBelow(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return []
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
}

const uploading = () => filesBelow(path.join(storage, 'file-store', 'uploading'))
const stored = () => filesBelow(path.join(storage, 'file-store', 'stored'))

/** A stream that goes on when the test says so. */
function gatedStream(first: Buffer | string) {
  let release: (rest: Buffer | Error) => void = () => {}
  const rest = new Promise<Buffer | Error>((resolve) => (release = resolve))
  async function* body(): AsyncGenerator<Buffer> {
    yield Buffer.from(first)
    const more = await rest
    if (more instanceof Error) throw more
    yield more
  }
  return { body: body(), release }
}

describe('uploads', () => {
  test('a file gets the name of its content, and is known afterwards', async () => {
    const blob = blobOf('hello')
    expect(await shaman.store.check(blob)).toBe('unknown')
    expect(await shaman.store.store(blob, streamOf('he', 'llo'), false)).toBe('stored')
    expect(await shaman.store.check(blob)).toBe('stored')
    expect(await stored()).toEqual([path.join(blob.sha.slice(0, 2), blob.sha.slice(2), '5.blob')])
    expect(await readFile(shaman.store.pathOf(blob), 'utf8')).toBe('hello')
    expect(await shaman.store.store(blob, streamOf('hello'), false)).toBe('already-known')
  })

  test('an empty file is a file', async () => {
    const blob = await upload('')
    expect(await shaman.store.check(blob)).toBe('stored')
  })

  test.each([
    ['too short', ['hell']],
    ['too long', ['hello', '!']],
    ['other content', ['olleh']],
  ])('%s is refused and leaves nothing', async (_, chunks) => {
    await expect(shaman.store.store(blobOf('hello'), streamOf(...chunks), false)).rejects.toBeInstanceOf(ContentMismatchError)
    expect(await stored()).toEqual([])
    expect(await readdir(path.join(storage, 'file-store', 'uploading'))).toEqual([])
    expect(await shaman.store.check(blobOf('hello'))).toBe('unknown')
  })

  test('an upload that breaks off leaves nothing and is not "uploading" any more', async () => {
    const blob = blobOf('hello')
    const { body, release } = gatedStream('he')
    const pending = shaman.store.store(blob, body, false)
    await expect.poll(() => shaman.store.check(blob)).toBe('uploading')
    release(new Error('socket hang up'))
    await expect(pending).rejects.toBeInstanceOf(UploadAbortedError)
    expect(await shaman.store.check(blob)).toBe('unknown')
    expect(await uploading()).toEqual([])
  })

  test('a client that can defer does so while another uploads; one that cannot uploads as well', async () => {
    const blob = blobOf('hello')
    const { body, release } = gatedStream('hel')
    const slow = shaman.store.store(blob, body, false)
    await expect.poll(() => shaman.store.check(blob)).toBe('uploading')
    expect(await shaman.store.store(blob, streamOf('hello'), true)).toBe('deferred')
    expect(await shaman.store.store(blob, streamOf('hello'), false)).toBe('stored')
    release(Buffer.from('lo'))
    expect(await slow).toBe('already-known')
    expect(await uploading()).toEqual([])
  })

  test('temporary files of a crashed manager do not count as uploading', async () => {
    const blob = blobOf('hello')
    const folder = path.join(storage, 'file-store', 'uploading', blob.sha.slice(0, 2), blob.sha.slice(2))
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, '5-dead.tmp'), 'he')
    expect(await open().store.check(blob)).toBe('unknown')
  })

  test.each(['..', '../../../../etc/passwd', 'A'.repeat(64), 'abc', '', 'g'.repeat(64)])('%j is no checksum', async (sha) => {
    await expect(shaman.store.check({ sha, size: 1 })).rejects.toBeInstanceOf(InvalidInputError)
    await expect(shaman.store.store({ sha, size: 1 }, streamOf('x'), false)).rejects.toBeInstanceOf(InvalidInputError)
  })
})

describe('checkouts', () => {
  test('are folders of relative links to the blobs', async () => {
    const scene = await upload('scene')
    const texture = await upload('texture')
    const name = await shaman.checkouts.create('my job', [
      { ...scene, path: 'scene.blend' },
      { ...texture, path: 'textures/wood/één.png' },
      { ...texture, path: 'textures/again.png' },
    ])
    expect(name).toBe('my job')
    const folder = path.join(storage, 'jobs', 'my job')
    expect(await readlink(path.join(folder, 'scene.blend'))).toBe(
      path.join('..', '..', 'file-store', 'stored', scene.sha.slice(0, 2), scene.sha.slice(2), '5.blob'),
    )
    expect(await readlink(path.join(folder, 'textures', 'wood', 'één.png'))).toMatch(/^\.\.\/\.\.\/\.\.\/\.\.\/file-store/)
    expect(await readFile(path.join(folder, 'textures', 'again.png'), 'utf8')).toBe('texture')
  })

  test('a taken name gets a suffix, and the other checkout stays as it is', async () => {
    const scene = await upload('scene')
    const other = await upload('other')
    await shaman.checkouts.create('project/job', [{ ...scene, path: 'scene.blend' }])
    const second = await shaman.checkouts.create('project/job', [{ ...other, path: 'scene.blend' }])
    expect(second).toMatch(/^project\/job-[a-z0-9]{4}$/)
    expect(await readFile(path.join(storage, 'jobs', 'project/job/scene.blend'), 'utf8')).toBe('scene')
    expect(await readFile(path.join(storage, 'jobs', second, 'scene.blend'), 'utf8')).toBe('other')
  })

  test('gives up when no name is free', async () => {
    const always = new Checkouts(shaman.store, { storage: () => storage, suffix: () => 'aaaa' })
    await always.create('job', [])
    await always.create('job', [])
    await expect(always.create('job', [])).rejects.toBeInstanceOf(ConflictError)
  })

  test('the same file twice at one place is fine, two files at one place are not', async () => {
    const a = await upload('a')
    const b = await upload('b')
    await shaman.checkouts.create('fine', [
      { ...a, path: 'x' },
      { ...a, path: 'x' },
    ])
    await expect(
      shaman.checkouts.create('clash', [
        { ...a, path: 'x' },
        { ...b, path: 'x' },
      ]),
    ).rejects.toBeInstanceOf(InvalidInputError)
    await expect(
      shaman.checkouts.create('clash', [
        { ...a, path: 'x' },
        { ...b, path: 'x/y' },
      ]),
    ).rejects.toBeInstanceOf(InvalidInputError)
    expect(existsSync(path.join(storage, 'jobs', 'clash'))).toBe(false)
  })

  test('missing files are refused by name and nothing is made', async () => {
    const a = await upload('a')
    const missing = { ...blobOf('never uploaded'), path: 'dir/missing.png' }
    const attempt = shaman.checkouts.create('job', [{ ...a, path: 'a' }, missing])
    await expect(attempt).rejects.toBeInstanceOf(MissingFilesError)
    await expect(attempt).rejects.toThrow('dir/missing.png')
    expect(existsSync(path.join(storage, 'jobs', 'job'))).toBe(false)
  })

  test('a failure erases only what it made itself', async () => {
    const a = await upload('a')
    const b = await upload('b')
    await shaman.checkouts.create('job', [{ ...a, path: 'precious' }])
    await expect(
      shaman.checkouts.create('job', [
        { ...a, path: 'x' },
        { ...b, path: 'x' },
      ]),
    ).rejects.toThrow('clashes')
    expect(await readFile(path.join(storage, 'jobs', 'job', 'precious'), 'utf8')).toBe('a')
    expect(await readdir(path.join(storage, 'jobs'))).toEqual(['job'])
  })

  const BAD_PATHS = [
    '',
    '/absolute',
    '..',
    '../up',
    'a/../../b',
    'a/..',
    'a//b',
    './a',
    'a/',
    'what?',
    'st*r',
    'C:/x',
    'a;b',
    '{jobs}/x',
    'back\\slash',
    'nul\0l',
    'new\nline',
  ]
  test.each(BAD_PATHS)('%j is no path of a checkout', async (checkoutPath) => {
    await expect(shaman.checkouts.create(checkoutPath, [])).rejects.toMatchObject({ field: 'checkoutPath' })
    await expect(shaman.checkouts.erase(checkoutPath)).rejects.toMatchObject({ field: 'checkoutPath' })
    expect(existsSync(path.join(storage, 'jobs'))).toBe(false)
  })

  test.each(['', '/etc/passwd', '../escape', 'a/../../escape', 'C:/x', 'a\\..\\b', 'x/', 'a\0b'])(
    '%j is no path inside a checkout',
    async (file) => {
      const a = await upload('a')
      await expect(shaman.checkouts.create('job', [{ ...a, path: file }])).rejects.toMatchObject({ field: 'files/0/path' })
      expect(existsSync(path.join(storage, 'jobs'))).toBe(false)
    },
  )

  test('a link among the checkouts leads nowhere else', async () => {
    const outside = await mkdtemp(path.join(tmpdir(), 'outside-'))
    try {
      await mkdir(path.join(storage, 'jobs'))
      await symlink(outside, path.join(storage, 'jobs', 'link'))
      await writeFile(path.join(outside, 'precious'), 'x')
      const a = await upload('a')
      await expect(shaman.checkouts.create('link/inside', [{ ...a, path: 'a' }])).rejects.toBeInstanceOf(InvalidInputError)
      await expect(shaman.checkouts.erase('link/precious')).rejects.toBeInstanceOf(InvalidInputError)
      await shaman.checkouts.erase('link')
      expect(await readdir(outside)).toEqual(['precious'])
    } finally {
      await rm(outside, { recursive: true })
    }
  })

  test('erasing removes the checkout and an empty parent, and one that is not there is fine', async () => {
    const a = await upload('a')
    await shaman.checkouts.create('project/one', [{ ...a, path: 'deep/er/a' }])
    await shaman.checkouts.create('project/two', [])
    await shaman.checkouts.erase('project/one')
    expect(await readdir(path.join(storage, 'jobs', 'project'))).toEqual(['two'])
    await shaman.checkouts.erase('project/two')
    expect(await readdir(path.join(storage, 'jobs'))).toEqual([])
    await shaman.checkouts.erase('project/never/was')
    expect(await shaman.store.check(a)).toBe('stored')
  })
})

describe('garbage collection', () => {
  const old = new Date(Date.now() - 2 * MONTH)

  async function age(blob: { sha: string; size: number }): Promise<void> {
    await utimes(shaman.store.pathOf(blob), old, old)
  }
  const collect = () => collectGarbage(shaman.store, { storage, now: Date.now(), maxAgeMs: MONTH })

  test('removes old blobs without links; keeps linked and young ones', async () => {
    const [linked, young, unneeded] = [await upload('linked'), await upload('young'), await upload('unneeded')]
    await shaman.checkouts.create('job', [{ ...linked, path: 'deep/file' }])
    shaman = open()
    await age(linked)
    await age(unneeded)
    expect(await collect()).toEqual({ blobsDeleted: 1, bytesDeleted: 8, blobsKept: 2, uploadsDeleted: 0 })
    expect(await shaman.store.check(unneeded)).toBe('unknown')
    expect(await shaman.store.check(linked)).toBe('stored')
    expect(await shaman.store.check(young)).toBe('stored')
    expect(existsSync(path.dirname(shaman.store.pathOf(unneeded)))).toBe(false)
  })

  test('keeps what a client has just asked for, because it is about to link to it', async () => {
    const blob = await upload('wanted')
    await shaman.store.check(blob)
    await age(blob)
    expect(await collect()).toMatchObject({ blobsDeleted: 0, blobsKept: 1 })
  })

  test('asking makes an old blob young', async () => {
    const blob = await upload('asked')
    await age(blob)
    await shaman.store.check(blob)
    expect((await stat(shaman.store.pathOf(blob))).mtimeMs).toBeGreaterThan(Date.now() - HOUR)
  })

  test('removes what crashed uploads left, not what is being uploaded', async () => {
    const folder = path.join(storage, 'file-store', 'uploading', 'ab', 'cd')
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, '5-dead.tmp'), 'he')
    await utimes(path.join(folder, '5-dead.tmp'), old, old)
    const { body, release } = gatedStream('hel')
    const pending = shaman.store.store(blobOf('hello'), body, false)
    await expect.poll(uploading).toHaveLength(2)
    expect(await collect()).toMatchObject({ uploadsDeleted: 1 })
    release(Buffer.from('lo'))
    expect(await pending).toBe('stored')
  })

  test('a blob that cannot be removed ends it with the reason, and clients that want that blob have it', async () => {
    const blob = await upload('stuck')
    shaman = open()
    // A folder in its place: `rm` refuses it for every user.
    await rm(shaman.store.pathOf(blob))
    await mkdir(shaman.store.pathOf(blob))
    const collecting = shaman.store.collect(blob, Date.now())
    const wanted = shaman.store.check(blob)
    await expect(collecting).rejects.toThrow('directory')
    expect(await wanted).toBe('stored')
  })

  test('a folder of checkouts that cannot be read ends it before anything is lost', async () => {
    // A link to itself: reading it fails with something else than "it is not there".
    await symlink('jobs', path.join(storage, 'jobs'))
    const again = await upload('y')
    shaman = open()
    await age(again)
    await expect(collect()).rejects.toThrow('ELOOP')
    expect((await lstat(shaman.store.pathOf(again))).isFile()).toBe(true)
  })
})

test('large files stream through without lying in memory', async () => {
  const chunk = randomBytes(1024 * 1024)
  const count = 64
  const hash = createHash('sha256')
  for (let i = 0; i < count; i++) hash.update(chunk)
  const blob = { sha: hash.digest('hex'), size: count * chunk.length }
  async function* body() {
    for (let i = 0; i < count; i++) yield chunk
  }
  expect(await shaman.store.store(blob, body(), false)).toBe('stored')
  expect((await stat(shaman.store.pathOf(blob))).size).toBe(blob.size)
})
