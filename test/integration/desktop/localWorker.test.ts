/** The worker of the desktop program: shut down from a page it stays off, and the tray brings it back. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { farmClient } from '../../../src/main/desktop/farm/farmClient.ts'
import { FarmWatch } from '../../../src/main/desktop/farm/farmWatch.ts'
import { openLocalFarm } from '../../../src/main/desktop/farm/localFarm.ts'
import { shellTexts } from '../../../src/main/desktop/texts/index.ts'
import { ensureBuilt } from '../../support/program.ts'

const WAIT = { timeout: 60_000, interval: 100 }
const log = { debug() {}, info() {}, warn() {}, error() {} }

it('stays off when it was shut down, and is started by Resume in the tray', async () => {
  ensureBuilt()
  const dataDir = await mkdtemp(join(tmpdir(), 'framehouse-desktop-'))
  const programDir = join(import.meta.dirname, '../../../out/main')
  const host = await openLocalFarm({ dataDir, port: 0, programDir, log, env: process.env })
  onTestFinished(async () => {
    await host.stop()
    await rm(dataDir, { recursive: true, force: true })
  })
  const client = farmClient(host.apiUrl, host.headers)
  const watch = new FarmWatch({
    client,
    host,
    signInKey: '',
    texts: () => shellTexts('en'),
    onSignIn() {},
    preferences: () => ({ notifyOnFinish: false, notifyOnFailure: false }),
    onFacts() {},
    onNotice() {},
    now: Date.now,
  })
  const worker = async () => (await client.workers())[0]
  await expect.poll(async () => (await worker())?.status, WAIT).toBe('awake')
  const { id = '', lastSeenAt: before } = (await worker()) ?? {}
  await fetch(`${host.apiUrl}/api/v1/workers/${id}/actions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ status: 'offline', lazy: false }),
  })
  await expect.poll(async () => (await worker())?.status, WAIT).toBe('offline')
  await expect
    .poll(async () => {
      await watch.pauseWorker(false)
      return (await worker())?.status
    }, WAIT)
    .toBe('awake')
  expect(Date.parse((await worker())?.lastSeenAt ?? '')).toBeGreaterThan(Date.parse(before ?? ''))
}, 180_000)
