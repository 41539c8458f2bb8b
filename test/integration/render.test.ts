import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { CliProcess } from '../support/cliProcess.ts'
import { ManagerProcess } from '../support/managerProcess.ts'
import { makeBlend } from '../support/makeBlend.ts'
import { requirePart } from '../support/parts.ts'

const blender = requirePart('blender')
requirePart('ffmpeg')

interface JobView {
  status: string
  frameCount: number
  counts: { total: number; completed: number }
}
interface TaskView {
  id: string
  name: string
  status: string
  attempts: number
}
interface FrameView {
  frame: number
  path: string
  preview: string
  thumbnailUrl: string | null
}

const FRAMES = 16

blender.describe('a Blender animation on two workers', () => {
  let folder: string
  let manager: ManagerProcess
  let workers: CliProcess[]

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'framehouse-render-'))
    manager = await ManagerProcess.start({ dataDir: join(folder, 'manager') })
    workers = [startWorker('anna'), startWorker('bela')]
  })

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(workers.map((worker) => worker.output).join('\n'))
    await Promise.all(workers.map((worker) => worker.end('SIGTERM')))
    await manager.stop(true)
    await rm(folder, { recursive: true, force: true })
  })

  function startWorker(name: string): CliProcess {
    return CliProcess.start('worker', '--manager', manager.url, '--data', join(folder, name), '--name', name, '--slots', '1')
  }

  it(
    'ends with every frame on disk and counted once, although a worker and the manager are killed on the way',
    { timeout: 300_000 },
    async () => {
      const blend = await makeBlend(blender.path, { slow: '4' })
      const output = join(folder, 'frames')
      const { id } = await manager.json<{ id: string }>('POST', '/api/v1/jobs', {
        name: 'turntable',
        type: 'simple-blender-render',
        settings: {
          frames: `1-${FRAMES}`,
          chunk_size: 2,
          render_output_root: output,
          add_path_components: 0,
          render_output_path: join(output, '######'),
          blendfile: blend,
          fps: 24,
          format: 'PNG',
          image_file_extension: '.png',
          has_previews: false,
          scene: 'Scene',
        },
      })
      const job = () => manager.json<JobView>('GET', `/api/v1/jobs/${id}`)
      const rendered = async () => (await readdir(output).catch(() => [])).filter((name) => name.endsWith('.png')).length
      const slow = { timeout: 120_000, interval: 100 }

      await expect.poll(rendered, slow).toBeGreaterThanOrEqual(2)
      await workers[0]!.end('SIGKILL')
      await expect.poll(rendered, slow).toBeGreaterThanOrEqual(5)
      const { port } = manager
      await manager.kill()
      manager = await ManagerProcess.start({ dataDir: join(folder, 'manager'), port })
      workers[0] = startWorker('anna')

      await expect.poll(async () => (await job()).status, slow).toBe('completed')
      expect((await readdir(output)).filter((name) => name.endsWith('.png'))).toEqual(
        Array.from({ length: FRAMES }, (_, at) => `${String(at + 1).padStart(6, '0')}.png`),
      )
      expect((await readdir(output)).filter((name) => name.endsWith('.mp4'))).toHaveLength(1)

      const { items: tasks } = await manager.json<{ items: TaskView[] }>('GET', `/api/v1/jobs/${id}/tasks?limit=100`)
      expect(tasks.map((task) => task.status)).toEqual(tasks.map(() => 'completed'))
      expect(tasks.some((task) => task.attempts > 1)).toBe(true)
      expect((await job()).counts).toMatchObject({ total: FRAMES / 2 + 1, completed: FRAMES / 2 + 1 })

      const frames = async () => (await manager.json<{ items: FrameView[] }>('GET', `/api/v1/jobs/${id}/frames?limit=1000`)).items
      // One that was being made when its worker was killed is made anew.
      await expect.poll(async () => (await frames()).filter((frame) => frame.preview === 'ready').length, slow).toBe(FRAMES)
      expect((await frames()).map((frame) => frame.frame).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: FRAMES }, (_, at) => at + 1),
      )
      expect((await job()).frameCount).toBe(FRAMES)
      const thumbnail = await fetch(manager.url + (await frames()).find((frame) => frame.preview === 'ready')!.thumbnailUrl)
      expect(thumbnail.headers.get('content-type')).toBe('image/jpeg')
    },
  )
})
