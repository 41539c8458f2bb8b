/** Container jobs from submission to result, with the real manager, the real worker and real containers. */
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { ContainerFarm } from '../../support/containerFarm.ts'
import { containerConfig, containersOf, importBusybox, type TestImage } from '../../support/containers.ts'
import { requirePart } from '../../support/parts.ts'

const part = requirePart('docker')
const soon = { timeout: 60_000, interval: 50 }

part.describe('container jobs', () => {
  let image: TestImage
  let farm: ContainerFarm
  beforeAll(() => {
    image = importBusybox()
  })
  afterAll(() => image.remove())
  beforeEach(async () => {
    farm = await ContainerFarm.start()
  })
  afterEach(() => farm.stop())

  it('run, with streams, exit code and container on record', async () => {
    await farm.worker(containerConfig())
    const job = await farm.submit({ image: image.name, command: `sh -c 'echo "$WORD"; exit 3'`, environment: `WORD='it works'` })
    await vi.waitFor(async () => expect((await farm.job(job.id)).status).toBe('failed'), soon)
    const [task] = await farm.tasks(job.id)
    const failed = expect.objectContaining({
      outcome: 'exit-code',
      exitCode: 3,
      reason: 'the container exited with code 3',
      result: { containers: [expect.objectContaining({ exitCode: 3, image: image.name, engine: 'local' })] },
    })
    // No other worker could try it, so this one did so three times.
    expect(task?.attemptList).toEqual([failed, failed, failed])
    expect(await farm.logOf(task!.id)).toContain('it works\n')
    await vi.waitFor(() => expect(containersOf(image.name)).toEqual([]), soon)
  })

  it('show the images that they save as frames with previews', async () => {
    const folder = join(farm.folder, 'renders')
    await mkdir(folder)
    const picture = join(folder, 'source.png')
    await writeFile(
      picture,
      await sharp({ create: { width: 64, height: 32, channels: 3, background: 'teal' } })
        .png()
        .toBuffer(),
    )
    await copyFile(picture, join(folder, 'unrelated.png'))
    await farm.worker(containerConfig({ mounts: [{ path: folder, readOnly: false }] }))
    const job = await farm.submit({
      image: image.name,
      command: `sh -c 'cp /out/source.png /out/{frame:04}.png'`,
      frames: '1-4',
      chunk_size: 2,
      mounts: `${folder}:/out`,
      output_pattern: '/out/{frame:04}.png',
    })
    await vi.waitFor(async () => expect((await farm.job(job.id)).status).toBe('completed'), soon)
    await vi.waitFor(async () => {
      const { items } = await farm.call('GET', `jobs/${job.id}/frames`)
      expect(items.map(({ frame, path, preview }) => [frame, path, preview])).toEqual(
        [1, 2, 3, 4].map((frame) => [frame, join(folder, `000${frame}.png`), 'ready']),
      )
    }, soon)
    expect((await stat(join(folder, '0004.png'))).size).toBeGreaterThan(0)
  })

  it('wait while no engine answers, and are explained', async () => {
    await farm.worker(containerConfig({ engines: [{ name: 'away', host: `unix://${farm.folder}/no.sock` }] }))
    await vi.waitFor(async () => expect((await farm.call('GET', 'workers')).items).toMatchObject([{ kinds: [], status: 'awake' }]), soon)
    const job = await farm.submit({ image: image.name, command: 'true' })
    const [task] = await farm.tasks(job.id)
    expect(JSON.stringify(await farm.call('GET', `tasks/${task!.id}/explain`))).toContain('container')
    expect((await farm.job(job.id)).status).toBe('queued')
  })
})
