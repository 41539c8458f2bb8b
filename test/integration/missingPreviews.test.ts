/** A worker saves a frame and is gone before it made the preview: another worker, or the manager, makes it. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { goPlatform } from '../../src/shared/paths/crosspath.ts'
import { MissingPreviews } from '../../src/main/files/missingPreviews.ts'
import { Previews } from '../../src/main/files/previews.ts'
import { workerParts } from '../../src/main/worker/parts.ts'
import type { Frame } from '../../src/shared/schemas/jobs/frame.ts'
import { LiveManager, type LiveWorker } from '../support/liveManager.ts'
import { WorkerLab } from '../support/workerParts.ts'

let farm: LiveManager
let lab: WorkerLab
/** Added to the clock of the search: the frames are that old for it. */
const later = 60_000

beforeEach(async () => {
  farm = await LiveManager.start()
  lab = new WorkerLab()
})
afterEach(async () => {
  await lab.cleanUp()
  expect(farm.errors).toEqual([])
  await farm.stop()
})

function search(): MissingPreviews {
  const { context } = farm.manager
  return new MissingPreviews({
    farm: context.farm,
    read: context.read,
    previews: new Previews(context.paths.previews),
    settings: () => context.settings.current(),
    host: () => ({ platform: goPlatform(process.platform), storagePath: context.paths.storage(), dataFolder: context.paths.data }),
    log: context.log,
    now: () => Date.now() + later,
  })
}

/** A worker that saves a picture, tells of it, and leaves without its preview. */
async function lostFrame(
  folder: string,
  { name = 'frame-0007.png', isOutput = true } = {},
): Promise<{ frame: () => Promise<Frame>; path: string; worker: LiveWorker }> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, name)
  await sharp({ create: { width: 640, height: 360, channels: 3, background: '#d06030' } })
    .png()
    .toFile(path)
  const script = `const JOB_TYPE = { label: 'Writes', settings: [{ key: 'output_dir', type: 'string', required: true }] }
    function compileJob(job) { job.addTask(author.Task('one', 'misc')) }`
  const saved = async () => (await farm.call('PUT', '/job-types/writes/source', { body: { source: script } })).status
  await expect.poll(saved, { timeout: 30_000 }).toBe(200)
  const job = await farm.submit(isOutput ? { type: 'writes', settings: { output_dir: folder } } : {})
  const worker = await farm.worker('anna')
  const [assignment] = (await worker.take()).assignments
  if (!assignment) throw new Error('got no task')
  await worker.report(assignment, { type: 'output', at: Date.now(), path, frame: 7, bytes: 100, width: null, height: null, renderedMs: 5 })
  await worker.finish(assignment)
  await worker.post('sign-off', {})
  return { frame: async () => (await farm.get(`/jobs/${job.id}/frames`)).body.items[0], path, worker }
}

async function awakeWorker(): Promise<void> {
  await lab.start({ managerUrl: farm.url, name: 'bela' }, workerParts())
  const status = async () => (await farm.get('/workers')).body.items.find(({ name }: { name: string }) => name === 'bela')?.status
  await expect.poll(status, { timeout: 30_000 }).toBe('awake')
}

describe('a frame whose worker left before it made the preview', () => {
  it('gets one from another worker that reaches the file', async () => {
    const { frame } = await lostFrame(join(farm.folder, 'elsewhere'))
    expect(await frame()).toMatchObject({ preview: 'none', thumbnailUrl: null })
    await awakeWorker()
    await search().look()
    const { preview, thumbnailUrl, largeUrl } = await frame()
    expect(preview).toBe('ready')
    for (const [url, width] of [
      [thumbnailUrl, 320],
      [largeUrl, 640],
    ] as const) {
      const reply = await fetch(farm.url + url)
      expect(await sharp(Buffer.from(await reply.arrayBuffer())).metadata()).toMatchObject({ format: 'jpeg', width })
    }
  })

  it('gets one from the manager when no worker is there and the file is in the shared storage', async () => {
    const { frame } = await lostFrame(join(farm.folder, 'data', 'storage', 'jobs', 'x'))
    await search().look()
    expect(await frame()).toMatchObject({ preview: 'ready', width: 640, height: 360 })
  })

  it('gets one from the manager when no worker is there and the file is in the output folder of its job', async () => {
    const { frame } = await lostFrame(join(farm.folder, 'elsewhere'))
    await search().look()
    expect(await frame()).toMatchObject({ preview: 'ready', width: 640, height: 360 })
  })

  it("gets none from the manager or another worker where only its worker says that the file is the job's", async () => {
    const { frame } = await lostFrame(join(farm.folder, 'elsewhere'), { isOutput: false })
    await search().look()
    expect(await frame()).toMatchObject({ preview: 'none', previewProblem: '' })
    await awakeWorker()
    await search().look()
    expect(await frame()).toMatchObject({ preview: 'none', previewProblem: '' })
  })

  it('says why there is none when those who can be asked cannot read it', async () => {
    const { frame, path } = await lostFrame(join(farm.folder, 'elsewhere'))
    await writeFile(path, 'half a pict')
    await awakeWorker()
    const missing = search()
    await missing.look()
    await missing.look()
    expect(await frame()).toMatchObject({ preview: 'failed', previewProblem: expect.stringMatching(/frame-0007\.png|unsupported/) })
    await rm(path)
    await missing.look()
    expect(await frame()).toMatchObject({ preview: 'failed' })
  })
})

describe('the picture that a request asks for', () => {
  it('is taken only from the worker that was asked, and while it was asked', async () => {
    const { worker } = await lostFrame(join(farm.folder, 'elsewhere'))
    const jpeg = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#fff' } })
      .jpeg()
      .toBuffer()
    const put = (id: string, by: LiveWorker) =>
      farm.call('PUT', `/agent/requests/${id}/preview?size=large`, { raw: jpeg, headers: { ...by.headers, 'content-type': 'image/jpeg' } })
    const bela = await farm.worker('bela')
    expect((await put('11111111-1111-4111-8111-111111111111', worker)).status).toBe(404)

    const looked = search().look()
    const request = (await bela.take(0, 20_000)).requests?.[0]
    if (!request) throw new Error('was asked nothing')
    expect(request.command).toMatchObject({ name: 'make-preview', parameters: { file: expect.stringContaining('frame-0007.png') } })
    expect((await put(request.id, worker)).status).toBe(404)
    expect((await put(request.id, bela)).status).toBe(204)
    expect((await bela.post(`requests/${request.id}`, { result: { sent: ['large'] } })).status).toBe(204)
    await looked
    expect((await put(request.id, bela)).status).toBe(404)
  })
})
