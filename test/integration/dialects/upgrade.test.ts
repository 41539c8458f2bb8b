/** A farm of the version before dialects had migrations of their own, as that version left it: jobs, Fastlane tasks, settings, a worker. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveManager } from '../../support/liveManager.ts'

const ARCHIVE = join(import.meta.dirname, '../../assets/farms/before-dialects.tar.gz')

let folder: string
let farm: LiveManager
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-upgrade-'))
  await mkdir(join(folder, 'data'))
  await promisify(execFile)('tar', ['-xzf', ARCHIVE, '-C', join(folder, 'data')])
  farm = await LiveManager.start({ dataDir: join(folder, 'data') })
})
afterAll(async () => {
  await farm.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('a farm of the version before', () => {
  it('keeps its jobs, those of Fastlane under their old addresses', async () => {
    const { items } = (await farm.call('GET', '/jobs')).body
    expect(items.map((job: { type: string; status: string }) => [job.type, job.status]).sort()).toEqual([
      ['container', 'queued'],
      ['echo-sleep-test', 'completed'],
    ])
    const tasks = await (await fetch(`${farm.manager.url}/tasks/`)).json()
    expect(tasks).toMatchObject({ items: [{ taskId: 'render', jobsCount: 1 }] })
  })

  it('keeps its settings, the hidden words under their new name', async () => {
    expect((await farm.call('GET', '/settings')).body).toMatchObject({
      managerName: 'Old farm',
      flamencoVersion: '3.8',
      fastlanePageSize: 7,
      hiddenWords: 'password,key,geheim',
    })
  })

  it('knows how far the tables of each dialect are', async () => {
    const rows = await farm.manager.context.read.all('select dialect, version from dialect_versions')
    expect(rows).toContainEqual({ dialect: 'fastlane', version: 2 })
  })

  it('takes new work of Fastlane', async () => {
    const reply = await fetch(`${farm.manager.url}/tasks/render`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image: 'busybox', command: 'true' }),
    })
    expect(reply.status).toBe(200)
  })
})
