/** Files that a scene names and that are not there: fatal where the job says so, else told before anything renders; with a real Blender. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Job } from '../../src/shared/schemas/jobs/job.ts'
import type { Task } from '../../src/shared/schemas/jobs/task.ts'
import type { JobWarnings } from '../../src/shared/schemas/jobs/warning.ts'
import { CliProcess } from '../support/cliProcess.ts'
import { makeBlend } from '../support/makeBlend.ts'
import { ManagerProcess } from '../support/managerProcess.ts'
import { requirePart } from '../support/parts.ts'

const blender = requirePart('blender')
const SLOW = { timeout: 120_000, interval: 100 }
const MISSING = '/nowhere/oak.png'

blender.describe('a scene that names a file which is not there', () => {
  let folder: string
  let blend: string
  let manager: ManagerProcess
  let worker: CliProcess

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'framehouse-missing-'))
    blend = join(folder, 'poor.blend')
    const scene = await makeBlend(blender.path)
    const make = [
      'import bpy',
      "image = bpy.data.images.new('oak', 4, 4)",
      `image.source, image.filepath, image.use_fake_user = 'FILE', ${JSON.stringify(MISSING)}, True`,
      `bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(blend)})`,
    ]
    await promisify(execFile)(blender.path, ['-b', scene, '--python-exit-code', '1', '--python-expr', make.join('\n')])
    await startManager()
    worker = CliProcess.start('worker', '--manager', manager.url, '--data', join(folder, 'anna'), '--name', 'anna', '--slots', '1')
  }, 120_000)
  afterAll(async () => {
    await worker?.end('SIGTERM')
    await manager?.stop(true)
    await rm(folder, { recursive: true, force: true })
  })

  async function startManager(): Promise<void> {
    const port = manager === undefined ? 0 : manager.port
    manager = await ManagerProcess.start({ dataDir: join(folder, 'manager'), port })
  }
  const api = <T>(method: string, path: string, body?: unknown) => manager.json<T>(method, `/api/v1${path}`, body)
  const job = (name: string, more: object = {}) => ({
    name,
    type: 'simple-blender-render',
    settings: {
      frames: '1-4',
      chunk_size: 1,
      render_output_root: join(folder, name),
      add_path_components: 0,
      render_output_path: join(folder, name, '######'),
      blendfile: blend,
      format: 'PNG',
      image_file_extension: '.png',
      has_previews: false,
      fps: 24,
      scene: 'Scene',
    },
    ...more,
  })
  const read = (id: string) => api<Job>('GET', `/jobs/${id}`)
  const warnings = async (id: string) => (await api<JobWarnings>('GET', `/jobs/${id}/warnings`)).items
  const told = [{ code: 'missing-file', text: `file of the scene is missing: ${MISSING}` }]
  const pictures = async (name: string) => (await readdir(join(folder, name)).catch(() => [])).filter((file) => file.endsWith('.png'))

  it('is not rendered where missing files are fatal; the job fails with the name of the file', async () => {
    const { id } = await api<Job>('POST', '/jobs', job('fatal', { policy: { missingFiles: 'fail', failAfterWorkers: 1 } }))
    await expect.poll(async () => (await read(id)).status, SLOW).toBe('failed')
    expect((await read(id)).activity).toContain(MISSING)
    const { items } = await api<{ items: Task[] }>('GET', `/jobs/${id}/tasks?limit=100`)
    const looks = items.filter(({ kind }) => kind === 'blender-look')
    expect(looks).toMatchObject([{ status: 'failed', attempts: 1 }])
    const renders = items.filter((task) => !looks.includes(task))
    expect(renders.length).toBeGreaterThanOrEqual(4)
    expect(renders.filter(({ attempts }) => attempts > 0)).toEqual([])
    expect(await pictures('fatal')).toEqual([])
  })

  it('is rendered otherwise, with a warning that counts the file once, in so many tasks', async () => {
    const { id } = await api<Job>('POST', '/jobs', job('rendered'))
    await expect.poll(async () => (await read(id)).status, SLOW).toBe('completed')
    expect(await pictures('rendered')).toHaveLength(4)
    expect(await warnings(id)).toMatchObject([{ ...told[0], count: 1, taskCount: 4 }])
    expect((await read(id)).warningCount).toBe(1)
  })

  it('is reported while its job waits, whatever submitted it: a person, a schedule, or before a restart', async () => {
    // Of another name for each, so that no look answers for another one.
    const waiting = (name: string) => job(name, { paused: true })
    await expect.poll(async () => (await api<{ items: { status: string }[] }>('GET', '/workers')).items[0]?.status, SLOW).toBe('awake')
    const byHand = (await api<Job>('POST', '/jobs', waiting('by-hand'))).id
    const schedule = await api<{ id: string }>('POST', '/schedules', {
      name: 'nightly',
      trigger: { kind: 'cron', expression: '0 0 1 1 *', timeZone: 'UTC' },
      job: waiting('by-schedule'),
    })
    const firing = await api<{ job: { id: string } }>('POST', `/schedules/${schedule.id}/run`)
    for (const id of [byHand, firing.job.id]) {
      await expect.poll(() => warnings(id), SLOW).toMatchObject([{ ...told[0], taskCount: 0 }])
      expect((await read(id)).status).toBe('paused')
    }
    // The look is remembered for two minutes: another file it is.
    const copy = join(folder, 'copy.blend')
    await promisify(execFile)('cp', [blend, copy])
    const late = waiting('late')
    const { id } = await api<Job>('POST', '/jobs', { ...late, settings: { ...late.settings, blendfile: copy } })
    expect(await warnings(id)).toEqual([])
    await manager.kill()
    await startManager()
    await expect.poll(() => warnings(id), SLOW).toMatchObject(told)
    expect((await read(id)).status).toBe('paused')
  }, 240_000)
})
