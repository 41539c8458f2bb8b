/** Two jobs never share a folder by accident: with a whole manager, over its APIs. */
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveManager, type Reply } from '../../support/liveManager.ts'

let live: LiveManager
let folder: string
beforeAll(async () => {
  live = await LiveManager.start()
  folder = join(live.folder, 'out')
  await mkdir(folder)
})
afterAll(() => live.stop())

let count = 0
const place = (): string => join(folder, `place-${++count}`)

function submit(
  output_pattern: string,
  more: { frames?: string; name?: string; allowSharedOutput?: boolean } = {},
  path = '/api/v1/jobs',
): Promise<Reply> {
  const { frames = '1-10', name = 'shot', ...rest } = more
  return live.call('POST', path, {
    body: { type: 'command-per-frame', name, settings: { command: 'true', frames, output_pattern }, ...rest },
  })
}

async function warningsOf(job: Reply): Promise<string[]> {
  const { body } = await live.call('GET', `/api/v1/jobs/${job.body.id}/warnings`)
  return body.items.map(({ code }: { code: string }) => code)
}

describe('a folder with the time of submission', () => {
  it('is another one for each of twenty jobs of one name, sent at once', async () => {
    const at = join(place(), '{timestamp}', '{frame:04}.png')
    const jobs = await Promise.all(Array.from({ length: 20 }, () => submit(at)))
    expect(jobs.map(({ status }) => status)).toEqual(jobs.map(() => 201))
    expect(new Set(jobs.map(({ body }) => body.outputDir)).size).toBe(20)
    for (const job of jobs.slice(0, 3)) expect(await warningsOf(job)).toEqual([])
  })

  it('is another one for jobs of Blender and of Flamenco clients, too', async () => {
    const root = place()
    const settings = {
      frames: '1-3',
      blendfile: '/a/b.blend',
      format: 'PNG',
      image_file_extension: '.png',
      scene: 'Scene',
      render_output_root: root,
      add_path_components: 0,
    }
    const native = { type: 'simple-blender-render', name: 'shot', settings }
    const foreign = {
      ...native,
      settings: { ...settings, render_output_path: join(root, 'shot', '{timestamp}', '######') },
      submitter_platform: 'linux',
    }
    const all = await Promise.all([
      ...[1, 2, 3].map(() => live.call('POST', '/api/v1/jobs', { body: native })),
      ...[1, 2, 3].map(() => live.call('POST', '/api/v3/jobs', { body: foreign })),
    ])
    expect(all.map(({ status }) => status)).toEqual([201, 201, 201, 200, 200, 200])
    expect(new Set(all.map(({ body }) => body.settings.render_output_path)).size).toBe(6)
  })
})

describe('a folder that is named', () => {
  it('is refused for the frames of a job that is not finished, and taken when that is meant', async () => {
    const at = place()
    expect((await submit(join(at, '{frame}.png'), { name: 'first' })).status).toBe(201)
    const refused = await submit(join(at, '{frame}.png'), { frames: '10-1x3' })
    expect(refused).toMatchObject({ status: 409, body: { code: 'output-shared', field: 'allowSharedOutput' } })
    expect(refused.body.message).toContain('settings.output_pattern: the job "first" (queued)')

    const check = await submit(join(at, '{frame}.png'), {}, '/api/v1/jobs/check')
    expect(check.body.sharedOutput).toMatchObject({ folder: at, clashes: true, jobs: [{ name: 'first', status: 'queued' }] })

    const meant = await submit(join(at, '{frame}.png'), { allowSharedOutput: true })
    expect(meant).toMatchObject({ status: 201, body: { outputDir: at } })
    expect(await warningsOf(meant)).toEqual(['output-shared'])
  })

  it('is reported for other frames, other names, and once the other job is done', async () => {
    const at = place()
    const first = await submit(join(at, 'a_{frame}.png'))
    expect(await warningsOf(first)).toEqual([])
    expect(await warningsOf(await submit(join(at, 'a_{frame}.png'), { frames: '11-20' }))).toEqual(['output-shared'])
    expect(await warningsOf(await submit(join(at, 'b_{frame}.png')))).toEqual(['output-shared'])
    await live.call('POST', `/api/v1/jobs/${first.body.id}/actions`, { body: { action: 'cancel' } })
    expect(await warningsOf(await submit(join(at, 'a_{frame}.png')))).toEqual(['output-shared'])
  })

  it.each([
    ['of other letters', (at: string) => at.toUpperCase()],
    ['with dots in it', (at: string) => join(at, 'x') + '/../.'],
    ['behind a link', (at: string) => `${at}-link`],
  ])('is known by a path %s', async (_, other) => {
    const at = place()
    await mkdir(at)
    await symlink(at, `${at}-link`)
    expect((await submit(`${at}/{frame}.png`)).status).toBe(201)
    expect((await submit(`${other(at)}/{frame}.png`)).status).toBe(409)
  })

  it('is for one of two jobs that are sent at once', async () => {
    const at = place()
    const both = await Promise.all([submit(join(at, '{frame}.png')), submit(join(at, '{frame}.png'))])
    expect(both.map(({ status }) => status).toSorted()).toEqual([201, 409])
  })

  it('is free again when the job that had it is deleted', async () => {
    const at = place()
    const first = await submit(join(at, '{frame}.png'))
    await live.call('POST', `/api/v1/jobs/${first.body.id}/actions`, { body: { action: 'delete' } })
    const second = await submit(join(at, '{frame}.png'))
    expect(second.status).toBe(201)
    expect(await warningsOf(second)).toEqual([])
  })

  it('gets a number for Flamenco clients, who cannot be asked', async () => {
    const at = place()
    const settings = {
      frames: '1-3',
      chunk_size: 1,
      blendfile: '/a/b.blend',
      format: 'PNG',
      image_file_extension: '.png',
      scene: 'Scene',
      render_output_root: at,
      add_path_components: 0,
      render_output_path: join(at, 'shot', '######'),
    }
    const send = () =>
      live.call('POST', '/api/v3/jobs', { body: { type: 'simple-blender-render', name: 'shot', settings, submitter_platform: 'linux' } })
    const paths = [await send(), await send(), await send()].map(({ body }) => body.settings.render_output_path)
    expect(paths).toEqual([join(at, 'shot', '######'), join(at, 'shot_2', '######'), join(at, 'shot_3', '######')])
  })
})
