/** Blender in a container renders an animation in chunks: its frames appear while it renders, with previews. */
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ContainerFarm } from '../../support/containerFarm.ts'
import { containerConfig, containersOf, importBusybox } from '../../support/containers.ts'
import { makeBlend } from '../../support/makeBlend.ts'
import { requirePart } from '../../support/parts.ts'

const docker = requirePart('docker')
const blender = requirePart('blender')
const soon = { timeout: 180_000, interval: 200 }

/** The image has nothing of Blender's: the machine's own programs and libraries are mounted, for reading. */
const PROGRAMS = ['/usr:/usr:ro', '/usr/lib:/lib:ro', '/usr/lib64:/lib64:ro', '/etc/alternatives:/etc/alternatives:ro']

describe.skipIf(docker.missing || blender.missing)('Blender in a container', () => {
  it('renders a chunked animation; each frame is there with a preview', async () => {
    const image = importBusybox()
    onTestFinished(() => image.remove())
    const farm = await ContainerFarm.start()
    onTestFinished(() => farm.stop())
    const [assets, renders] = [join(farm.folder, 'assets'), join(farm.folder, 'renders')]
    await mkdir(assets)
    await mkdir(renders)
    await copyFile(
      await makeBlend(blender.path, { engine: 'CYCLES', samples: '1', width: '64', height: '36', frames: '4' }),
      join(assets, 'shot.blend'),
    )
    const readOnly = ['/usr', '/etc/alternatives', assets].map((path) => ({ path, readOnly: true }))
    await farm.worker(containerConfig({ mounts: [...readOnly, { path: renders, readOnly: false }] }), 2)
    const job = await farm.submit({
      image: image.name,
      command: `${blender.path} --background /assets/shot.blend --render-output /renders/#### --render-format PNG -s {start} -e {end} -a`,
      environment: 'HOME=/tmp',
      frames: '1-4',
      chunk_size: 2,
      network: 'none',
      read_only_root: false,
      mounts: [...PROGRAMS, `${assets}:/assets:ro`, `${renders}:/renders`].join(' '),
      output_pattern: '/renders/{frame:04}.png',
    })
    await vi.waitFor(async () => expect(['completed', 'failed']).toContain((await farm.job(job.id)).status), soon)
    const tasks = await farm.tasks(job.id)
    const log = (await Promise.all(tasks.map(({ id }) => farm.logOf(id)))).join('\n')
    expect([(await farm.job(job.id)).status, log]).toEqual(['completed', expect.stringMatching(/Fra:4 /)])
    expect(
      tasks.map(({ name, attemptList }) => [name, attemptList.map(({ result }) => result?.containers.map(({ exitCode }) => exitCode))]),
    ).toEqual([
      ['frames-1,2', [[0]]],
      ['frames-3,4', [[0]]],
    ])
    await vi.waitFor(async () => {
      const { items } = await farm.call('GET', `jobs/${job.id}/frames`)
      expect(items.map(({ frame, path, preview }) => [frame, path, preview])).toEqual(
        [1, 2, 3, 4].map((frame) => [frame, join(renders, `000${frame}.png`), 'ready']),
      )
    }, soon)
    expect(await sharp(join(renders, '0003.png')).metadata()).toMatchObject({ format: 'png', width: 64, height: 36 })
    await vi.waitFor(() => expect(containersOf(image.name)).toEqual([]), soon)
  }, 300_000)
})
