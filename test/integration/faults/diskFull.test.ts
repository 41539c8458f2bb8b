/** The disk of a running manager fills up and is emptied again: a small tmpfs, the built program, all three APIs. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, open, rm, stat, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { submitFrames } from '../../bench/handOut.ts'
import { ManagerProcess } from '../../support/managerProcess.ts'
import { NativeCaller } from '../../support/nativeCaller.ts'
import { requirePart } from '../../support/parts.ts'

const tmpfs = requirePart('tmpfs')
const MB = 1024 * 1024

tmpfs.describe('a full disk', () => {
  let folder: string
  let manager: ManagerProcess
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'framehouse-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder])
    manager = await ManagerProcess.start({ dataDir: join(folder, 'data') })
  })
  afterEach(async () => {
    await manager.stop()
    execFileSync('umount', ['-l', folder])
    await rm(folder, { recursive: true, force: true })
  })

  const faults = async () => (await manager.json<{ faults: { kind: string }[] }>('GET', '/api/v1/status')).faults.map(({ kind }) => kind)
  const statuses = async () => (await manager.json<{ items: { name: string; status: string }[] }>('GET', '/api/v1/jobs')).items
  const send = async (path: string, body: unknown) => {
    const reply = await fetch(manager.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: reply.status, text: await reply.text() }
  }

  /** Takes all that is left but `keep` bytes. */
  async function fill(name: string): Promise<void> {
    const handle = await open(join(folder, name), 'w')
    const block = Buffer.alloc(64 * 1024, 1)
    try {
      for (;;) await handle.write(block)
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' })
    } finally {
      await handle.close()
    }
  }

  it('is reported everywhere, takes nothing new, writes the ends of what runs, and heals by itself', async () => {
    const [ada, bob] = [await NativeCaller.join(manager, 'ada'), await NativeCaller.join(manager, 'bob')]
    await submitFrames(manager, 2, 'runs')
    await ada.take()
    await bob.take()
    await submitFrames(manager, 1, 'waits')
    await expect
      .poll(() =>
        stat(join(folder, 'data', 'reserve')).then(
          ({ size }) => size,
          () => 0,
        ),
      )
      .toBe(2 * MB)
    await fill('ballast')
    await expect.poll(faults).toEqual(['disk-full'])

    // Each API reports it in its own form.
    expect((await manager.json<{ farm: string }>('GET', '/api/v1/status')).farm).toBe('inoperative')
    expect(await manager.json('GET', '/api/v3/status')).toEqual({ status: 'inoperative' })
    expect(manager.told).toMatch(/disk of the data folder .* is full/)
    const refused = [
      await send('/api/v1/jobs', { name: 'late', type: 'echo-sleep-test', settings: { message: 'x', sleep_duration_seconds: 1 } }),
      await send('/api/v3/jobs', {
        name: 'late',
        type: 'echo-sleep-test',
        priority: 50,
        submitter_platform: 'linux',
        settings: { message: 'x', sleep_duration_seconds: 1 },
      }),
      await send('/tasks/render/', { image: 'busybox', command: 'true' }),
    ]
    expect(refused.map(({ status }) => status)).toEqual([507, 507, 507])
    for (const { text } of refused) expect(text).toContain('disk of the manager is full')

    // The reserve is for this.
    await ada.log('the last words\n')
    await ada.finish()
    expect(await ada.call('/take', { slots: 1, waitMs: 0, running: [] })).toMatchObject({ assignments: [] })

    // Then that is used up, too: nothing is acknowledged, and the worker keeps its report.
    await fill('more')
    const told = bob.report({ type: 'log', at: 0, stream: 'stdout', text: 'x'.repeat(900_000) })
    await expect(told).rejects.toThrow(/507|disk/)
    await unlink(join(folder, 'more'))
    await unlink(join(folder, 'ballast'))
    await expect.poll(faults).toEqual([])
    expect(manager.told).toContain('resolved')
    await bob.repeat()
    await bob.finish()
    await ada.take()
    await ada.finish()
    await submitFrames(manager, 3, 'later')
    expect((await statuses()).map(({ name, status }) => `${name} ${status}`).sort()).toEqual([
      'later queued',
      'runs completed',
      'waits completed',
    ])

    // What was acknowledged is on disk.
    await manager.kill()
    manager = await ManagerProcess.start({ dataDir: join(folder, 'data') })
    expect((await statuses()).map(({ name, status }) => `${name} ${status}`).sort()).toEqual([
      'later queued',
      'runs completed',
      'waits completed',
    ])
  })

  it('in the middle of a large submission refuses it and leaves nothing of it', async () => {
    await fill('ballast')
    // Room for the beginning, below what counts as full only when the job is half written.
    const handle = await open(join(folder, 'ballast'), 'r+')
    await handle.truncate((await handle.stat()).size - 8 * MB)
    await handle.close()
    await expect.poll(faults).toEqual([])
    const settings = {
      frames: '1-60000',
      chunk_size: 1,
      render_output_root: '/r/',
      add_path_components: 0,
      render_output_path: '/r/######',
      blendfile: '/r/a.blend',
      fps: 24,
      format: 'PNG',
      image_file_extension: '.png',
      has_previews: false,
      scene: 'Scene',
    }
    const reply = await send('/api/v1/jobs', { name: 'large', type: 'simple-blender-render', settings })
    expect([reply.status, reply.text]).toEqual([507, expect.stringContaining('disk-full')])
    await unlink(join(folder, 'ballast'))
    await expect.poll(faults).toEqual([])
    await submitFrames(manager, 1, 'small')
    expect((await statuses()).map(({ name }) => name)).toEqual(['small'])
  })
})

if (tmpfs.missing) it.skip('needs a tmpfs')
