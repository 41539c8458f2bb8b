/** A worker and a manager over TLS: whom the worker believes to be its manager. */
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { constraintFor } from '../../../src/main/security/tls/farmNames.ts'
import { issueAuthority } from '../../../src/main/security/tls/issue.ts'
import { ensureDir } from '../../../src/main/system/ensureDir.ts'
import { workerParts } from '../../../src/main/worker/parts.ts'
import { LiveManager, until } from '../../support/liveManager.ts'
import { WorkerLab, type TestWorker } from '../../support/workerParts.ts'

const lab = new WorkerLab()
const managers: LiveManager[] = []
afterEach(async () => {
  await lab.cleanUp()
  await Promise.all(managers.splice(0).map((manager) => manager.stop()))
})

async function openManager(port = 0, more: { dataDir?: string } = {}): Promise<LiveManager> {
  const manager = await LiveManager.start({ ...more, tls: { host: '127.0.0.1', port } })
  managers.push(manager)
  return manager
}

const tlsOf = ({ manager }: LiveManager) => {
  if (!manager.tls) throw new Error('there is no TLS listener')
  return manager.tls
}
const pinsOf = async ({ dataDir }: TestWorker): Promise<unknown> =>
  JSON.parse(await readFile(join(dataDir, 'manager-certificates.json'), 'utf8')) as unknown
const connected = ({ worker }: TestWorker) => until(() => worker.status().connected, 'the worker is connected')
const refused = ({ log }: TestWorker) =>
  until(() => log.lines.some((line) => line.startsWith('error the manager is not trusted')), 'the worker trusts the manager no more')
const workersOf = async (manager: LiveManager) => ((await manager.get('/workers')).body as { items: unknown[] }).items

describe('a worker of an encrypted manager', () => {
  it('joins, keeps the certificate, says so once, and does its work', async () => {
    const manager = await openManager()
    const { url, fingerprint } = tlsOf(manager)
    const first = await lab.start({ managerUrl: url }, workerParts())
    await connected(first)
    const { id } = await manager.submit()
    await until(async () => (await manager.get(`/jobs/${id}`)).body.status === 'completed', 'the job is done')
    expect(await pinsOf(first)).toEqual({ version: 1, pins: [{ manager: url, authority: fingerprint }] })
    expect(first.log.lines.filter((line) => line.includes('no authority vouches'))).toHaveLength(1)

    await first.worker.stop()
    const again = await lab.start({ managerUrl: url, dataDir: first.dataDir }, workerParts())
    await connected(again)
    expect(again.log.lines.join('\n')).not.toContain('no authority vouches')
    expect(await workersOf(manager)).toHaveLength(1)
  })

  it('does not speak to another manager in its place, until its owner says that it is the right one', async () => {
    const manager = await openManager()
    const { url, port } = tlsOf(manager)
    const worker = await lab.start({ managerUrl: url })
    await connected(worker)
    await manager.stop()
    managers.pop()
    const other = await openManager(port)
    await refused(worker)
    expect(await workersOf(other)).toHaveLength(0)
    expect(worker.worker.status().problem).toContain('when this worker met it first')

    await worker.worker.stop()
    const { fingerprint } = tlsOf(other)
    const told = { managerUrl: url, dataDir: worker.dataDir, managerFingerprint: fingerprint.replaceAll(':', '').toLowerCase() }
    const second = await lab.start(told)
    await connected(second)
    expect(await workersOf(other)).toHaveLength(1)
    await second.worker.stop()
    await connected(await lab.start({ managerUrl: url, dataDir: worker.dataDir }))
  })

  it('that pinned a certificate from before farms had an authority trusts the authority which that one signed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'framehouse-pinned-'))
    const earlier = await issueAuthority('of before', constraintFor([]), Date.now())
    await ensureDir(join(folder, 'tls'))
    await writeFile(join(folder, 'tls', 'certificate.pem'), earlier.cert)
    await writeFile(join(folder, 'tls', 'key.pem'), earlier.key)
    const manager = await openManager(0, { dataDir: folder })
    const { url, fingerprint } = tlsOf(manager)
    const pins = [{ manager: url, fingerprint: new X509Certificate(earlier.cert).fingerprint256 }]
    const dataDir = await mkdtemp(join(tmpdir(), 'framehouse-pinned-worker-'))
    await writeFile(join(dataDir, 'manager-certificates.json'), JSON.stringify({ version: 1, pins }))
    const worker = await lab.start({ managerUrl: url, dataDir })
    await connected(worker)
    expect(await pinsOf(worker)).toEqual({ version: 1, pins: [{ manager: url, authority: fingerprint }] })
    await worker.worker.stop()
    await managers.pop()?.stop()
    await Promise.all([folder, dataDir].map((each) => rm(each, { recursive: true, force: true })))
  })

  it('that knows the fingerprint is not taken in at the first time either', async () => {
    const manager = await openManager()
    const worker = await lab.start({ managerUrl: tlsOf(manager).url, managerFingerprint: 'ab'.repeat(32) })
    await refused(worker)
    expect(await workersOf(manager)).toHaveLength(0)
    expect(worker.worker.status().problem).toContain('as --fingerprint says')
  })
})
