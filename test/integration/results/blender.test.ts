/** A scene with textures, a sequence, a linked library and a video, on workers whose file systems have nothing in common. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Results } from '../../../src/shared/schemas/jobs/content.ts'
import { CliProcess } from '../../support/cliProcess.ts'
import { ManagerProcess } from '../../support/managerProcess.ts'
import { requirePart } from '../../support/parts.ts'

const blender = requirePart('blender')
requirePart('ffmpeg')
const tmpfs = requirePart('tmpfs')

const run = promisify(execFile)
const slow = { timeout: 180_000, interval: 100 }
const hashOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

/** Without the time that the render took, which Cycles writes into the file. */
const pixelsOf = async (path: string): Promise<string> =>
  (await run('ffmpeg', ['-v', 'error', '-i', path, '-f', 'md5', '-pix_fmt', 'rgba', '-'])).stdout

const suite = tmpfs.found ? blender.describe : tmpfs.describe
suite('a Blender job without shared storage', () => {
  let folder: string
  let manager: ManagerProcess
  const workers = new Map<string, CliProcess>()

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'framehouse-sending-')))
    manager = await ManagerProcess.start({ dataDir: join(folder, 'manager') })
    const script = join(import.meta.dirname, '../../assets/make_sending_scene.py')
    const args = ['--background', '--factory-startup', '--python-exit-code', '1', '--python', script]
    await run(blender.path, [...args, '--', join(folder, 'project'), join(folder, 'outside')])
  })

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write([...workers.values()].map((worker) => worker.output).join('\n'))
    await Promise.all([...workers.values()].map((worker) => worker.end('SIGTERM')))
    workers.clear()
    await manager.stop(true)
    await rm(folder, { recursive: true, force: true })
  })

  /** In a mount namespace where the folders of the manager, of the person and of the other workers are empty. */
  function startWorker(name: string): void {
    const data = join(folder, 'workers', name)
    const hide = ['manager', 'project', 'outside'].map((each) => `mount -t tmpfs none '${join(folder, each)}'`).join(' && ')
    const alone = `mkdir -p '${data}' && mount --bind '${data}' /mnt && mount -t tmpfs none '${join(folder, 'workers')}' && ${hide}`
    const args = ['worker', '--manager', manager.url, '--data', '/mnt', '--name', name, '--slots', '1']
    workers.set(name, CliProcess.startWithin(['unshare', '-m', 'sh', '-c', `${alone} && exec "$@"`, 'sh'], ...args))
  }

  const program = join(import.meta.dirname, '../../../bin/framehouse.js')
  async function submit(...settings: string[]): Promise<{ id: string; told: string }> {
    const { stdout, stderr } = await run(process.execPath, [
      program,
      'submit',
      'simple-blender-render',
      ...['--send', '--blender', blender.path, '--manager', manager.url],
      ...[`blendfile=${join(folder, 'project', 'scene.blend')}`, ...settings].flatMap((each) => ['--set', each]),
    ])
    return { id: stdout.trim(), told: stderr }
  }

  const reasons = async (id: string): Promise<string> => {
    const { items } = await manager.json<{ items: { id: string }[] }>('GET', `/api/v1/jobs/${id}/tasks?limit=100`)
    const tasks = await Promise.all(
      items.map((task) =>
        manager.json<{ name: string; status: string; attemptList: { worker: { name: string }; reason: string; outcome: string | null }[] }>(
          'GET',
          `/api/v1/tasks/${task.id}`,
        ),
      ),
    )
    return tasks
      .flatMap(({ name, status, attemptList }) =>
        attemptList.map(({ worker, reason, outcome }) => `${name} (${status}) on ${worker.name}: ${outcome ?? 'open'} ${reason}`),
      )
      .join('\n')
  }
  const ended = async (id: string) => {
    const job = () => manager.json<{ status: string }>('GET', `/api/v1/jobs/${id}`)
    await expect.poll(async () => (await job()).status, slow).toMatch(/completed|failed/)
    const { status } = await job()
    return status === 'completed' ? status : `${status}: ${await reasons(id)}`
  }
  const home = async (id: string): Promise<Results> => {
    const results = () => manager.json<Results>('GET', `/api/v1/jobs/${id}/results`)
    await expect.poll(async () => (await results()).awaited, slow).toEqual([])
    return results()
  }

  it('is submitted while there is no worker: the Blender that lists its files reads its settings', { timeout: 120_000 }, async () => {
    const { id } = await submit()
    const { settings } = await manager.json<{ settings: Record<string, unknown> }>('GET', `/api/v1/jobs/${id}`)
    expect(settings).toMatchObject({ frames: '1-4', format: 'PNG', image_file_extension: '.png', fps: 24, scene: 'Scene' })
    // What a person gives counts, and what the scene cannot answer is named with what to type.
    const given = await submit('frames=2-3')
    expect(await manager.json('GET', `/api/v1/jobs/${given.id}`)).toMatchObject({ settings: { frames: '2-3', format: 'PNG' } })
    await expect(submit('no_such_setting=1')).rejects.toThrow(/no_such_setting/)
  })

  it(
    'gives the same pictures as a local render, with every frame of both workers in the video, although a worker and the manager are killed',
    { timeout: 400_000 },
    async () => {
      const scene = join(folder, 'project', 'scene.blend')
      const before = await hashOf(scene)
      const local = join(folder, 'local')
      await run(blender.path, ['-b', scene, '-o', join(local, '######'), '-F', 'PNG', '-x', '1', '-f', '1..4'])
      startWorker('anna')
      startWorker('bela')
      const { id, told } = await submit()
      // The scene, its library, two textures, four images, and where they came from.
      expect(told).toMatch(/9 files .*sent 9/)

      const rendered = async () => (await manager.json<Results>('GET', `/api/v1/jobs/${id}/results`)).total.files
      await expect.poll(rendered, slow).toBeGreaterThanOrEqual(1)
      await workers.get('anna')?.end('SIGKILL')
      const { port } = manager
      await manager.kill()
      manager = await ManagerProcess.start({ dataDir: join(folder, 'manager'), port })
      startWorker('anna')

      expect(await ended(id)).toBe('completed')
      const results = await home(id)
      const names = results.items.map(({ path }) => path.split('/').at(-1)).toSorted()
      expect(names.filter((name) => name?.endsWith('.png'))).toEqual(['000001.png', '000002.png', '000003.png', '000004.png'])
      const video = results.items.find(({ path }) => path.endsWith('.mp4'))
      expect(video).toBeDefined()
      for (const { path, sha256 } of results.items) {
        const file = join(results.folder ?? '', path)
        expect(await hashOf(file)).toBe(sha256)
        if (path.endsWith('.png')) expect(await pixelsOf(file), path).toBe(await pixelsOf(join(local, path.split('/').at(-1) ?? '')))
      }
      const counted = await run('ffprobe', [
        ...['-v', 'error', '-count_packets', '-select_streams', 'v:0', '-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0'],
        join(results.folder ?? '', video?.path ?? ''),
      ])
      expect(counted.stdout.trim().replace(/,$/, '')).toBe('4')
      expect(await hashOf(scene)).toBe(before)
      expect(
        (await manager.json<{ items: { code: string }[] }>('GET', `/api/v1/jobs/${id}/warnings`)).items.map(({ code }) => code),
      ).not.toContain('missing-file')

      // What people do next: change one texture, submit again, and fetch everything.
      await writeFile(join(folder, 'project', 'tex', 'inside.png'), await readFile(join(folder, 'outside', 'tex', 'outside.png')))
      const again = await submit()
      // The library's texture has the same content as the changed one: nothing is sent at all.
      expect(again.told).toMatch(/9 files .*sent 0/)
      const target = join(folder, 'fetched')
      await run(process.execPath, [program, 'fetch', again.id, target, '--follow', '--manager', manager.url])
      const fetched = (await readdir(target, { recursive: true })).filter((name) => /\.(png|mp4)$/.test(name))
      expect(fetched).toHaveLength(5)
      for (const { path, sha256, bytes } of (await home(again.id)).items) {
        expect(await hashOf(join(target, path))).toBe(sha256)
        expect((await stat(join(target, path))).size).toBe(bytes)
      }
    },
  )
})
