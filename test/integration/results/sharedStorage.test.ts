/** A farm of which some machines have the shared storage and some do not: mount namespaces are its machines. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { taskPublicId } from '../../../src/shared/ids.ts'
import type { Explanation } from '../../../src/shared/schemas/jobs/task.ts'
import { CliProcess } from '../../support/cliProcess.ts'
import { ManagerProcess } from '../../support/managerProcess.ts'
import { requirePart } from '../../support/parts.ts'

const tmpfs = requirePart('tmpfs')
const run = promisify(execFile)
const slow = { timeout: 120_000, interval: 100 }

tmpfs.describe('workers of which some have the shared storage', () => {
  let folder: string
  let share: string
  let manager: ManagerProcess
  const workers = new Map<string, CliProcess>()

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'framehouse-roots-')))
    share = join(folder, 'share')
    await mkdir(share)
    manager = await ManagerProcess.start({ dataDir: join(folder, 'manager') })
    const projects = { isTwoWay: true, values: [{ platforms: ['all'], value: share }] }
    const { variables } = await manager.json<{ variables: object }>('GET', '/api/v1/settings')
    await manager.json('PATCH', '/api/v1/settings', { variables: { ...variables, projects } })
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write([...workers.values()].map((worker) => worker.output).join('\n'))
    await Promise.all([...workers.values()].map((worker) => worker.end('SIGTERM')))
    workers.clear()
    await manager.stop(true)
    await rm(folder, { recursive: true, force: true })
  })

  /** @param mounts what is done in the worker's own mount namespace before it starts */
  function startWorker(name: string, mounts = 'true'): CliProcess {
    const args = ['worker', '--manager', manager.url, '--data', join(folder, name), '--name', name, '--slots', '1']
    const worker = CliProcess.startWithin(['unshare', '-m', 'sh', '-c', `${mounts} && exec "$@"`, 'sh'], ...args)
    workers.set(name, worker)
    return worker
  }
  const awake = async () => {
    const { items } = await manager.json<{ items: { status: string }[] }>('GET', '/api/v1/workers')
    return items.filter(({ status }) => status === 'awake').length
  }
  const submit = (job: object) => manager.json<{ id: string }>('POST', '/api/v1/jobs', job)
  /** Writes the name of the machine that ran it into a file on the share. */
  const onShare = (frames: string) =>
    submit({
      type: 'command-per-frame',
      name: 'shared',
      settings: {
        command: `sh -c "echo $FRAMEHOUSE_WORKER > ${share}/out/{frame:04}.txt"`,
        output_pattern: join(share, 'out', '{frame:04}.txt'),
        frames,
      },
    })
  const ended = (id: string) =>
    expect.poll(async () => (await manager.json<{ status: string }>('GET', `/api/v1/jobs/${id}`)).status, slow).toBe('completed')
  const explained = (id: string) => manager.json<Explanation>('GET', `/api/v1/tasks/${taskPublicId(id, 1)}/explain`)
  const whoRan = async () =>
    Promise.all((await readdir(join(share, 'out'))).map(async (name) => (await readFile(join(share, 'out', name), 'utf8')).trim()))

  it('get the jobs whose storage they have proven, and Why? names what the others do not see', { timeout: 300_000 }, async () => {
    await mkdir(join(share, 'out'))
    // bela has another folder at the same path, with a marker of its own, as a share of another office; carl has nothing there.
    // The manager writes its marker soon after the setting changed.
    const markers = async () => (await readdir(share)).filter((name) => name.startsWith('.framehouse-root-') && !name.endsWith('.tmp'))
    await expect.poll(markers, slow).toHaveLength(1)
    const [marker = ''] = await markers()
    await writeFile(join(folder, 'other-marker'), 'of another share')
    const bela = startWorker(
      'bela',
      `mount -t tmpfs none '${share}' && mkdir '${share}/out' && cp '${folder}/other-marker' '${share}/${marker}'`,
    )
    startWorker('carl', `mount -t tmpfs none '${share}'`)
    await expect.poll(awake, slow).toBe(2)

    const first = await onShare('1-6')
    const why = async () => (await explained(first.id)).reasons.find(({ rule }) => rule === 'storage')
    await expect.poll(async () => (await why())?.message, slow).toMatch(/bela: .*\/share: there is another folder at this path/)
    const reason = await why()
    expect(reason?.message).toMatch(/carl: .*\/share: no such folder, or not the one of the manager/)
    expect(reason?.workers.map(({ name }) => name).toSorted()).toEqual(['bela', 'carl'])
    expect(reason?.advice).toContain('connect the storage there')
    const { waits } = await manager.json<{ waits: { rule: string; state: string }[] }>('GET', `/api/v1/jobs/${first.id}`)
    expect(waits).toEqual([expect.objectContaining({ rule: 'storage', state: 'waiting' })])

    // A job whose results come home needs no storage: the same workers take it.
    const sent = await submit({
      type: 'command-per-frame',
      name: 'sent',
      sendFiles: true,
      settings: { command: 'sh -c "echo {frame} > {results}/{frame:04}.txt"', output_pattern: '{frame:04}.txt', frames: '1-4' },
    })
    await ended(sent.id)
    expect((await explained(first.id)).status).toBe('queued')

    // Who has the share takes all of it.
    startWorker('anna')
    await ended(first.id)
    expect(await whoRan()).toEqual(Array.from({ length: 6 }, () => 'anna'))

    // A person mounts the share where it was missing: no restart of anything.
    await workers.get('anna')?.end()
    workers.delete('anna')
    const second = await onShare('7-8')
    await expect.poll(async () => (await explained(second.id)).reasons.some(({ rule }) => rule === 'storage'), slow).toBe(true)
    await run('nsenter', ['-m', '-t', String(bela.child.pid), 'umount', share])
    await ended(second.id)
    expect((await whoRan()).filter((name) => name === 'bela')).toHaveLength(2)
  })
})
