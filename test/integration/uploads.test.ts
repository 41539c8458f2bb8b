/** A .blend that no worker sees: handed in over HTTP, inspected and rendered by a worker with Blender; who reaches which path. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Job } from '../../src/shared/schemas/jobs/job.ts'
import type { Inspection, Reachability, Upload } from '../../src/shared/schemas/storage.ts'
import { CliProcess } from '../support/cliProcess.ts'
import { makeBlend } from '../support/makeBlend.ts'
import { ManagerProcess } from '../support/managerProcess.ts'
import { requirePart } from '../support/parts.ts'
import { ensureBuilt, framehouse } from '../support/program.ts'

const blender = requirePart('blender')
const netns = requirePart('netns')
const SLOW = { timeout: 60_000, interval: 100 }

let folder: string
let manager: ManagerProcess
const workers: CliProcess[] = []
const storage = () => join(folder, 'manager', 'storage')

beforeAll(async () => {
  ensureBuilt()
  folder = await mkdtemp(join(tmpdir(), 'framehouse-uploads-'))
  manager = await ManagerProcess.start({ dataDir: join(folder, 'manager') })
})
afterAll(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.end('SIGTERM')))
  await manager.stop(true)
  await rm(folder, { recursive: true, force: true })
})

/** `blind`: the shared storage is empty for it, as for a machine that has not mounted it. */
async function startWorker(name: string, blind = false): Promise<void> {
  const args = ['worker', '--manager', manager.url, '--data', join(folder, name), '--name', name]
  workers.push(
    blind
      ? CliProcess.startWithin(['unshare', '-m', 'sh', '-c', `mount -t tmpfs none '${storage()}' && exec "$@"`, 'sh'], ...args)
      : CliProcess.start(...args),
  )
  const known = async () => (await manager.json<{ items: { name: string; status: string }[] }>('GET', '/api/v1/workers')).items
  await expect.poll(async () => (await known()).find((worker) => worker.name === name)?.status, SLOW).toBe('awake')
}
function send(query: string, body: string | Buffer, type = 'application/octet-stream'): Promise<Response> {
  return fetch(`${manager.url}/api/v1/uploads?${query}`, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers: { 'content-type': type },
  })
}
const kept = async () => (await readdir(join(storage(), 'jobs'), { recursive: true }).catch(() => [])).toSorted()
async function upload(query: string, body: string | Buffer): Promise<Upload> {
  const reply = await send(query, body)
  expect(reply.status).toBe(201)
  // Replies are held against their schemas by the test of the whole API.
  return (await reply.json()) as Upload
}
const inspect = (blendfile: string) =>
  fetch(`${manager.url}/api/v1/inspections`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'simple-blender-render', blendfile }),
  })

describe('an upload', () => {
  it('is kept once for each content, under a path that ends with its name, beside others when asked', async () => {
    const first = await upload('name=notes.txt', 'the same')
    const second = await upload('name=other.txt', 'the same')
    expect(await readFile(first.path, 'utf8')).toBe('the same')
    expect(first.path.endsWith(join(first.checkoutId, 'notes.txt'))).toBe(true)
    expect(second.checkoutId).not.toBe(first.checkoutId)
    const stored = await readdir(join(storage(), 'file-store', 'stored'), { recursive: true })
    expect(stored.filter((name) => name.endsWith('.blob'))).toHaveLength(1)
    const beside = await upload(`name=more.txt&beside=${first.checkoutId}`, 'more')
    expect(beside.path).toBe(join(first.path, '..', 'more.txt'))
  })

  it.each([
    ['a name that leads elsewhere', 'name=..%2Fx', 400, 'name'],
    ['a name that Windows takes for a device', 'name=Con.blend', 400, 'name'],
    ['a name that Windows cuts short', 'name=shot.blend.', 400, 'name'],
    ['a name that means a folder', 'name=..', 400, 'name'],
    ['a name with a variable in it', 'name=%7Bjobs%7D', 400, 'name'],
    ['a place that is no upload', 'name=x&beside=..%2F..', 400, 'beside'],
    ['a place that does not exist', `name=x&beside=uploads/${'0'.repeat(24)}`, 404, undefined],
    ['no name', '', 400, 'name'],
  ])('with %s is refused', async (_what, query, status, field) => {
    const before = await kept()
    const reply = await send(query, 'x')
    expect({ status: reply.status, ...((await reply.json()) as object) }).toMatchObject({ status, ...(field && { field }) })
    expect(await kept()).toEqual(before)
  })

  it('of another content type is refused', async () => {
    expect((await send('name=x', '{}', 'application/json')).status).toBe(415)
  })
})

blender.describe('a .blend that was handed in', () => {
  it('cannot be inspected while no worker with Blender is there', async () => {
    const { path } = await upload('name=shot.blend', 'x')
    const reply = await inspect(path)
    expect(await reply.json()).toMatchObject({ status: 409, code: 'no-blender' })
  })

  it('and whose settings cannot be looked up is refused by the command line with what to type', async () => {
    const args = ['submit', 'simple-blender-render', '--set', 'blendfile=shot.blend', '--set', `render_output_root=${folder}`]
    const { code, err } = await framehouse(args, { env: { FRAMEHOUSE_MANAGER: manager.url } })
    expect(err).toMatch(
      /no worker with Blender is online.*--set frames=1-250 --set format=PNG --set image_file_extension=\.png --set scene=Scene/,
    )
    expect(code).toBe(7)
  })

  netns.describe('and whose worker does not see the storage', () => {
    it('is inspected and rendered all the same; the matrix of paths tells who sees what', { timeout: 180_000 }, async () => {
      await startWorker('blind', true)
      const blend = await makeBlend(blender.path, { engine: 'WORKBENCH', frames: '3' })
      const { path } = await upload('name=shot.blend', await readFile(blend))
      const reply = await inspect(path)
      const seen = (await reply.json()) as Inspection
      expect(seen).toMatchObject({
        worker: { name: 'blind' },
        scene: 'Scene',
        missing: [],
        failed: {},
        values: { frames: '1-3', fps: 24, format: 'PNG', image_file_extension: '.png', has_previews: false, scene: 'Scene' },
      })
      expect(seen.scenes[0]).toMatchObject({ camera: 'camera', width: 160, height: 90, engine: 'BLENDER_WORKBENCH' })

      const broken = await inspect((await upload('name=broken.blend', 'this is no scene')).path)
      expect(await broken.json()).toMatchObject({ status: 400, field: '/blendfile' })

      const { id } = await manager.json<Job>('POST', '/api/v1/jobs', {
        name: 'shot',
        type: 'simple-blender-render',
        settings: { ...seen.values, blendfile: path, render_output_root: join(folder, 'out'), chunk_size: 3 },
      })
      await expect.poll(async () => (await manager.json<Job>('GET', `/api/v1/jobs/${id}`)).status, SLOW).toBe('completed')
      const { items } = await manager.json<{ items: { frame: number }[] }>('GET', `/api/v1/jobs/${id}/frames`)
      expect(items.map(({ frame }) => frame).toSorted((a, b) => a - b)).toEqual([1, 2, 3])

      await startWorker('sees')
      const args = [
        'submit',
        'simple-blender-render',
        '--set',
        `blendfile=${basename(blend)}`,
        '--set',
        `render_output_root=${join(folder, 'cli')}`,
      ]
      const byHand = await framehouse([...args, '--set', 'frames=2', '--watch', '--json'], {
        env: { FRAMEHOUSE_MANAGER: manager.url },
        cwd: dirname(blend),
      })
      expect(byHand).toMatchObject({ code: 0, err: '' })
      const ended = JSON.parse(byHand.out.trim().split('\n').at(-1) ?? '') as Job
      expect(ended).toMatchObject({
        status: 'completed',
        settings: { blendfile: blend, frames: '2', fps: 24, format: 'PNG', image_file_extension: '.png', scene: 'Scene' },
      })
      expect(ended.frameCount).toBe(1)
      await manager.json('PATCH', '/api/v1/settings', {
        variables: {
          blender: { isTwoWay: false, values: [{ platforms: ['all'], value: 'blender' }] },
          blenderArgs: { isTwoWay: false, values: [{ platforms: ['all'], value: '-b -y' }] },
          nowhere: { isTwoWay: true, values: [{ platforms: ['all'], value: '/not/there' }] },
          storage: { isTwoWay: true, values: [{ platforms: ['all'], value: join(storage(), 'file-store') }] },
        },
      })
      const matrix = await manager.json<Reachability>('POST', '/api/v1/reachability')
      expect(matrix.paths.map(({ name }) => name)).toEqual(['shared storage', 'blender', 'nowhere', 'storage'])
      expect(matrix.workers).toMatchObject([
        {
          worker: { name: 'blind' },
          checks: [{ kind: 'folder' }, { kind: 'program' }, { kind: 'missing', problem: 'ENOENT' }, { kind: 'missing' }],
        },
        {
          worker: { name: 'sees' },
          checks: [{ kind: 'folder', writable: true }, { kind: 'program' }, { kind: 'missing' }, { kind: 'folder', writable: true }],
        },
      ])
      expect((await readdir(storage())).filter((name) => name.includes('probe'))).toEqual([])
    })
  })
})
