/**
 * What the Blender add-on does from "refresh" to a rendered job, with its requests in its order (§10.3), and the parts of
 * Shaman that need two clients or a bad connection.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFlamencoManager, type FlamencoManager } from '../../support/flamencoManager.ts'
import { isCheckoutUsed } from '../../../src/main/store/queries/jobs/checkouts.ts'
import { FlamencoWorker, NO_SUCH_ID, submit } from './actors.ts'
import { Client } from './client.ts'

let manager: FlamencoManager
let client: Client

beforeAll(async () => {
  manager = await openFlamencoManager({ settings: { flamencoVersion: '3.9-beta1', undoPeriodMs: 60_000 } })
  client = new Client(manager)
})
afterAll(async () => {
  const { errors } = manager
  await manager.close()
  expect(errors).toEqual([])
})

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex')
const octets = (content: string | Buffer, headers: Record<string, string> = {}) => ({
  raw: content,
  headers: { 'content-type': 'application/octet-stream', 'x-shaman-can-defer-upload': 'false', ...headers },
})

const RENDER_SETTINGS = {
  frames: '1-3',
  chunk_size: 2,
  render_output_root: '/render',
  add_path_components: 0,
  render_output_path: '/render/Fünny job/{timestamp}/######',
  fps: 24,
  format: 'PNG',
  image_file_extension: '.png',
  has_previews: false,
  scene: 'Scene',
}

test('refresh, check, upload, check out, submit, render, delete', async () => {
  // Refresh.
  expect((await client.call('GET /version', 200)).body.shortversion).toBe('3.9-beta1')
  const storage = (await client.call('GET /configuration/shared-storage/{audience}/{platform}', 200, ['users', 'linux'])).body
  expect(storage).toEqual({ location: manager.context.paths.storage(), audience: 'users', platform: 'linux', shamanEnabled: true })
  const types = (await client.call('GET /jobs/types', 200)).body.job_types
  const type = types.find(({ name }: { name: string }) => name === 'simple-blender-render')
  expect((await client.call('GET /worker-mgt/tags', 200)).body).toEqual({ tags: [] })

  // The job is checked before files are packed.
  const job = {
    name: 'Fünny job',
    type: type.name,
    priority: 50,
    submitter_platform: 'linux',
    type_etag: type.etag,
    settings: { ...RENDER_SETTINGS, blendfile: 'dummy-for-job-check.blend' },
    metadata: { 'user.name': 'Sÿbren' },
    initial_status: 'queued',
  }
  await client.call('POST /jobs/check', 204, [], { body: job })
  expect((await client.call('GET /jobs', 200)).body.jobs).toEqual([])

  // Files: what is missing is uploaded, unknown ones first.
  const blend = Buffer.from('BLENDER-v304 not really')
  const texture = randomBytes(200_000)
  const files = [
    { sha: sha256(blend), size: blend.length, path: 'Fünny scene.flamenco.blend' },
    { sha: sha256(texture), size: texture.length, path: 'textures/wood.jpg' },
  ]
  const needed = (await client.call('POST /shaman/checkout/requirements', 200, [], { body: { files } })).body.files
  expect(needed).toEqual(files.map((file) => ({ ...file, status: 'unknown' })))
  for (const [index, content] of [blend, texture].entries()) {
    const { sha, size } = files[index]!
    expect((await client.call('GET /shaman/files/{checksum}/{filesize}', 200, [sha, String(size)])).body.status).toBe('unknown')
    const name = `=?utf-8?q?F=C3=BCnny?= scene`
    await client.call(
      'POST /shaman/files/{checksum}/{filesize}',
      204,
      [sha, String(size)],
      octets(content, { 'x-shaman-original-filename': name, 'x-shaman-can-defer-upload': 'true' }),
    )
  }
  expect((await client.call('POST /shaman/checkout/requirements', 200, [], { body: { files } })).body.files).toEqual([])
  const { checkoutPath } = (await client.call('POST /shaman/checkout/create', 200, [], { body: { files, checkoutPath: 'Fünny job' } })).body
  expect(checkoutPath).toBe('Fünny job')

  // The job.
  const submitted = await submit(client, {
    ...job,
    settings: { ...RENDER_SETTINGS, blendfile: `{jobs}/${checkoutPath}/Fünny scene.flamenco.blend` },
    storage: { shaman_checkout_id: checkoutPath },
  })
  expect(submitted).toMatchObject({
    name: 'Fünny job',
    status: 'queued',
    storage: { shaman_checkout_id: checkoutPath },
    steps_total: 4,
    metadata: { 'user.name': 'Sÿbren' },
  })
  expect(submitted.settings.render_output_path).not.toContain('{timestamp}')

  // A worker gets it with paths of its own.
  const worker = await FlamencoWorker.awake(client)
  const task = (await worker.schedule()).body
  expect(task).toMatchObject({ name: 'render-1,2', task_type: 'blender', steps_total: 2 })
  const { exe, exeArgs, blendfile, args } = task.commands[0].parameters
  expect({ exe, exeArgs }).toEqual({ exe: 'blender', exeArgs: '-b -y' })
  expect(await readFile(blendfile)).toEqual(blend)
  expect(args.slice(0, 3)).toEqual(['--scene', 'Scene', '--python-exit-code'])
  expect(args).toContain('--python-expr')
  expect(args.slice(-2)).toEqual(['--render-frame', '1,2'])
  // No one here sees the folder: what Blender reported about its files counts.
  const saved = (frames: number[]) =>
    frames.map((frame) => `Saved: '${args.at(-5).replace('######', String(frame).padStart(6, '0'))}.png'\n`).join('')
  await worker.update(task.uuid, { log: saved([1, 2]), taskStatus: 'completed', activity: 'Completed' })
  await worker.update((await worker.schedule()).body.uuid, { log: saved([3]), taskStatus: 'completed', activity: 'Completed' })
  await worker.complete((await worker.schedule()).body)
  // Its frames are compared before that.
  await expect
    .poll(async () => (await client.call('GET /jobs/{job_id}', 200, [submitted.id])).body.status, { timeout: 20_000 })
    .toBe('completed')

  // Deleting takes the checkout along, once the undo period is over.
  expect((await client.call('GET /jobs/{job_id}/what-would-delete-do', 200, [submitted.id])).body).toEqual({ shaman_checkout: true })
  await client.call('DELETE /jobs/{job_id}', 204, [submitted.id])
  await client.call('GET /jobs/{job_id}', 404, [submitted.id])
})

test('a checkout is in use as long as some job has it, or a folder in it', async () => {
  const { read } = manager.context
  const job = { name: 'x', type: 'echo-sleep-test', submitter_platform: 'linux', settings: { message: 'x' } }
  const first = await submit(client, { ...job, storage: { shaman_checkout_id: 'project/100%_shared' } })
  expect(await isCheckoutUsed(read, 'project/100%_shared', first.id)).toBe(false)
  expect(await isCheckoutUsed(read, 'project', NO_SUCH_ID)).toBe(true)
  expect(await isCheckoutUsed(read, 'proj', NO_SUCH_ID)).toBe(false)
  const again = await submit(client, { ...job, storage: { shaman_checkout_id: 'project/100%_shared' } })
  expect(await isCheckoutUsed(read, 'project/100%_shared', first.id)).toBe(true)
  await client.call('DELETE /jobs/{job_id}', 204, [again.id])
  // It can still be brought back.
  expect(await isCheckoutUsed(read, 'project/100%_shared', first.id)).toBe(true)
})

test('the add-on learns that the job type has changed or does not exist', async () => {
  const job = {
    name: 'x',
    type: 'simple-blender-render',
    priority: 50,
    submitter_platform: 'linux',
    settings: { ...RENDER_SETTINGS, blendfile: 'x.blend' },
  }
  await client.call('POST /jobs/check', 412, [], { body: { ...job, type_etag: 'older' } })
  const { body } = await client.call('POST /jobs/check', 400, [], { body: { ...job, settings: { ...job.settings, format: 'FFMPEG' } } })
  expect(body.message).toContain('This job type only renders images, and not "FFMPEG"')
})

describe('uploads over HTTP', () => {
  /** Starts an upload and sends only its first bytes. */
  function slowUpload(content: Buffer) {
    let status: (code: number) => void = () => {}
    const done = new Promise<number>((resolve) => (status = resolve))
    const upload = httpRequest(
      {
        port: manager.port,
        method: 'POST',
        path: `/api/v3/shaman/files/${sha256(content)}/${content.length}`,
        headers: { 'content-type': 'application/octet-stream', 'content-length': content.length },
      },
      (response) => {
        response.resume()
        status(response.statusCode ?? 0)
      },
    )
    upload.on('error', () => status(0))
    upload.write(content.subarray(0, 1000))
    return { done, finish: () => upload.end(content.subarray(1000)), breakOff: () => upload.destroy() }
  }
  const statusOf = async (content: Buffer) =>
    (await client.call('GET /shaman/files/{checksum}/{filesize}', 200, [sha256(content), String(content.length)])).body.status

  test('a second client that can defer does so; one that cannot uploads as well', async () => {
    const content = randomBytes(50_000)
    const params = [sha256(content), String(content.length)]
    const slow = slowUpload(content)
    await expect.poll(() => statusOf(content)).toBe('uploading')
    const file = { sha: params[0], size: content.length, path: 'x' }
    expect((await client.call('POST /shaman/checkout/requirements', 200, [], { body: { files: [file] } })).body.files).toEqual([
      { ...file, status: 'uploading' },
    ])
    await client.call('POST /shaman/files/{checksum}/{filesize}', 425, params, octets(content, { 'x-shaman-can-defer-upload': 'true' }))
    await client.call('POST /shaman/files/{checksum}/{filesize}', 204, params, octets(content))
    slow.finish()
    expect(await slow.done).toBe(208)
  })

  test('an upload whose connection breaks leaves nothing behind', async () => {
    const content = randomBytes(50_000)
    const slow = slowUpload(content)
    await expect.poll(() => statusOf(content)).toBe('uploading')
    slow.breakOff()
    await expect.poll(() => statusOf(content)).toBe('unknown')
    const uploading = join(
      manager.context.paths.storage(),
      'file-store',
      'uploading',
      sha256(content).slice(0, 2),
      sha256(content).slice(2),
    )
    await expect.poll(async () => (existsSync(uploading) ? readdir(uploading) : [])).toEqual([])
  })

  test('a checksum in capitals is the same checksum', async () => {
    const content = 'capital'
    await client.call('POST /shaman/files/{checksum}/{filesize}', 204, [sha256(content).toUpperCase(), '7'], octets(content))
    expect(await statusOf(Buffer.from(content))).toBe('stored')
  })
})
