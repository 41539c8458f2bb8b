/** A worker is known by its data folder and the farm's id: it stays the same one wherever the farm is reached. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { startManager, type Manager } from '../../../src/main/manager.ts'
import { isProof, proofOf, workerKeyOf } from '../../../src/main/system/farmProof.ts'
import { workerParts } from '../../../src/main/worker/parts.ts'
import { WorkerLab } from '../../support/workerParts.ts'

const soon = { timeout: 30_000, interval: 20 }
let farms: string[]
let managers: Manager[]
let lab: WorkerLab
beforeEach(async () => {
  managers = []
  farms = await Promise.all(['a', 'b'].map(() => mkdtemp(join(tmpdir(), 'framehouse-identity-'))))
  lab = new WorkerLab()
})
afterEach(async () => {
  await lab.cleanUp()
  for (const manager of managers) await manager.stop()
  for (const folder of farms) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

async function open(farm: number, port = 0): Promise<Manager> {
  const listen = { host: '127.0.0.1', port }
  const manager = await startManager({ dataDir: farms[farm] ?? '', listen, trustLoopback: true, log: silentLogger, version: '0.0.0-test' })
  managers.push(manager)
  return manager
}

async function close(manager: Manager): Promise<void> {
  managers = managers.filter((each) => each !== manager)
  await manager.stop()
}

async function workerIds(manager: Manager): Promise<string[]> {
  const reply = await fetch(new URL('api/v1/workers', manager.url))
  const { items } = (await reply.json()) as { items: { id: string }[] } // checked elsewhere
  return items.map(({ id }) => id)
}

/** Runs a worker of this data folder at the manager until it is connected; answers its id. */
async function visit(manager: Manager, dataDir?: string): Promise<{ id: string; dataDir: string }> {
  const started = await lab.start({ managerUrl: manager.url, ...(dataDir !== undefined && { dataDir }) }, workerParts())
  await expect.poll(() => started.worker.status().connected, soon).toBe(true)
  const [id = ''] = started.worker.status().workerIds
  await started.worker.stop({ graceful: true })
  return { id, dataDir: started.dataDir }
}

describe('a worker', () => {
  it('stays the same one when its farm has another port, and is a new one at another farm', async () => {
    const first = await open(0)
    const { id, dataDir } = await visit(first)
    await close(first)
    const moved = await open(0)
    expect(moved.url).not.toBe(first.url)
    expect(await visit(moved, dataDir)).toEqual({ id, dataDir })
    expect(await workerIds(moved)).toEqual([id])
    const other = await open(1)
    const there = await visit(other, dataDir)
    expect(there.id).not.toBe(id)
    // Back at the first one, from a third address.
    await close(moved)
    const again = await open(0)
    expect((await visit(again, dataDir)).id).toBe(id)
    expect((await visit(other, dataDir)).id).toBe(there.id)
  })

  it('takes its credentials of before along at the first sign-on, also when the port has changed meanwhile', async () => {
    const first = await open(0)
    const { id, dataDir } = await visit(first)
    const path = join(dataDir, 'worker-credentials.json')
    const file = JSON.parse(await readFile(path, 'utf8')) as { version: number; workers: Record<string, unknown>[] }
    for (const entry of file.workers) {
      delete entry['farmId']
      delete entry['farmKey']
    }
    await writeFile(path, JSON.stringify(file))
    await close(first)
    const moved = await open(0)
    expect((await visit(moved, dataDir)).id).toBe(id)
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
      workers: [{ workerId: id, farmId: expect.any(String), farmKey: expect.any(String), manager: new URL(moved.url).origin + '/' }],
    })
    expect(await workerIds(moved)).toEqual([id])
  })

  it('says its secret only to an address that shows that it is the farm', async () => {
    const real = await open(0)
    const { id, dataDir } = await visit(real)
    const path = join(dataDir, 'worker-credentials.json')
    await close(real)
    const other = await open(1)
    // It knows the other farm's id from somewhere, as an impostor would, and not its key.
    const { farmId } = (await (await fetch(new URL('api/v1/agent/farm', other.url))).json()) as { farmId: string }
    const file = await readFile(path, 'utf8')
    await writeFile(path, file.replace(/"farmId":\s*"[^"]*"/, `"farmId": "${farmId}"`))
    expect((await visit(other, dataDir)).id).not.toBe(id)
  })
})

describe('the proof of a farm', () => {
  it('is of one worker and one question', () => {
    const key = workerKeyOf('ab'.repeat(32), 'worker-1')
    expect(isProof(key, 'q', proofOf(key, 'q'))).toBe(true)
    expect(isProof(key, 'other', proofOf(key, 'q'))).toBe(false)
    expect(isProof(workerKeyOf('ab'.repeat(32), 'worker-2'), 'q', proofOf(key, 'q'))).toBe(false)
    expect(isProof(key, 'q', '')).toBe(false)
  })
})
