import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createScriptFolders } from '../../../src/main/jobtypes/scripts/scriptFolders.ts'
import { deferred } from '../../../src/shared/async.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-scripts-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Listings that were made, the oldest first; each is delivered only when the test says so. */
function heldListings() {
  const listed: (() => void)[] = []
  const list = async (path: string) => {
    const entries = await readdir(path, { withFileTypes: true })
    const told = deferred<void>()
    listed.push(told.resolve)
    await told.promise
    return entries
  }
  /** The next listing, once it is made. */
  const next = async (): Promise<() => void> => {
    while (listed.length === 0) await new Promise((resolve) => setImmediate(resolve))
    return listed.shift() ?? (() => undefined)
  }
  return { list, next }
}

const save = (name: string) => writeFile(join(folder, name), 'const JOB_TYPE = {}')

it('a script that was saved after a reading had listed its folder is in the answer to later callers', async () => {
  const { list, next } = heldListings()
  const folders = createScriptFolders([folder], list)
  const earlier = folders.read()
  const tell = await next()
  await save('new.js')
  const later = [folders.read(), folders.read()]
  tell()
  expect((await earlier).files.has('0/new.js')).toBe(false)
  const tellAgain = await next()
  tellAgain()
  for (const set of await Promise.all(later)) expect(set.files.has('0/new.js')).toBe(true)
})

it('never reads twice at once: an older reading cannot end last and take a script away again', async () => {
  let atOnce = 0
  let most = 0
  const folders = createScriptFolders([folder], async (path) => {
    most = Math.max(most, ++atOnce)
    const entries = await readdir(path, { withFileTypes: true })
    await new Promise((resolve) => setImmediate(resolve))
    atOnce--
    return entries
  })
  for (let n = 0; n < 50; n++) {
    const first = folders.read()
    const second = folders.read()
    // Asked in every moment around the change from one to the next.
    const others = [first.then(() => folders.read()), first.finally(() => undefined).then(() => folders.read()), second]
    await Promise.all(others)
  }
  expect(most).toBe(1)
})
