/** Containers as services of a real Docker Swarm: one node, a daemon of the test's own. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { ContainerConfig } from '../../../src/main/docker/config.ts'
import { Engines } from '../../../src/main/docker/engines/engines.ts'
import { shellJoin } from '../../../src/shared/text/shellWords.ts'
import { ContainerFarm, type Shown } from '../../support/containerFarm.ts'
import { containerConfig, docker, importBusybox, type TestImage } from '../../support/containers.ts'
import { PrivateDockerd } from '../../support/dockerd.ts'
import { differenceIn, HOSTILE, hostileInShell } from '../../support/hostile.ts'
import { requirePart } from '../../support/parts.ts'
import { silentLogger } from '../../../src/shared/logger.ts'

const part = requirePart('docker')

part.describe('containers on a Docker Swarm', () => {
  let daemon: PrivateDockerd
  let image: TestImage
  let farm: ContainerFarm
  beforeAll(async () => {
    daemon = await PrivateDockerd.start()
    docker(['swarm', 'init', '--advertise-addr', '127.0.0.1', '--listen-addr', '127.0.0.1:0'], daemon.host)
    image = importBusybox(daemon.host)
    farm = await ContainerFarm.start()
    await farm.worker(swarm())
  })
  afterAll(async () => {
    await farm.stop()
    await daemon.remove()
  })

  const swarm = (): ContainerConfig => containerConfig({ engines: [{ name: 'cluster', host: daemon.host, swarm: true }] })
  const services = () => docker(['service', 'ls', '--quiet'], daemon.host)
  const submit = (script: string, settings: Record<string, unknown> = {}, more: Record<string, unknown> = {}) =>
    farm.submit({ image: image.name, command: `sh -c '${script}'`, ...settings }, more)
  async function ends(job: Shown, status: string): Promise<Shown> {
    await vi.waitFor(async () => expect((await farm.job(job.id)).status).toBe(status), { timeout: 60_000, interval: 100 })
    const [task] = await farm.tasks(job.id)
    return task!
  }
  const noneLeft = () => vi.waitFor(() => expect(services()).toBe(''), { timeout: 20_000, interval: 100 })

  it('runs one as a service, and keeps its streams, its exit code, where it ran and when', async () => {
    const task = await ends(await submit('echo out; echo err >&2; sleep 1; printf end'), 'completed')
    const [attempt] = task.attemptList
    expect(attempt).toMatchObject({ exitCode: 0, result: { containers: [{ engine: 'cluster', exitCode: 0, imageDigest: null }] } })
    const [record] = attempt!.result!.containers
    expect(record?.containerId).toMatch(/^[0-9a-f]{64}$/)
    expect(record?.host).toMatch(/ node \w+$/)
    expect(Date.parse(record!.finishedAt!)).toBeGreaterThan(Date.parse(record!.startedAt!))
    const log = await farm.logOf(task.id)
    expect(log).toContain('out\n')
    expect(log).toContain('err\n')
    expect(log).toContain('end')
    await noneLeft()
  })

  it('keeps every line of a flood, once and in order', async () => {
    const task = await ends(await submit('seq 1 20000'), 'completed')
    const numbers = (await farm.logOf(task.id)).split('\n').filter((line) => /^\d+$/.test(line))
    expect(numbers).toEqual(Array.from({ length: 20_000 }, (_, at) => String(at + 1)))
  })

  it('keeps what one writes byte for byte', async () => {
    const task = await ends(await submit('eval "$H"', { environment: shellJoin([`H=${hostileInShell()}`]) }), 'completed')
    const log = await farm.bytesOf(task.id)
    expect(differenceIn(log, HOSTILE)).toBeUndefined()
  })

  it('tells the exit code of one that fails, and leaves trying again to the farm', async () => {
    const task = await ends(await submit('exit 7', {}, { policy: { failAfterWorkers: 1 } }), 'failed')
    expect(task.attemptList[0]).toMatchObject({ outcome: 'exit-code', exitCode: 7 })
    await noneLeft()
  })

  it("tells in the cluster's words what it could not start", async () => {
    const job = await farm.submit({ image: image.name, command: 'no-such-program' }, { policy: { failAfterWorkers: 1 } })
    const task = await ends(job, 'failed')
    expect(task.attemptList[0]?.outcome).toBe('could-not-start')
    expect(task.attemptList[0]?.reason).toMatch(/the swarm could not run the container: .*no-such-program/)
    await noneLeft()
  })

  it('refuses what no service can have, and names it', async () => {
    const task = await ends(await submit('true', { pull: 'never' }, { policy: { failAfterWorkers: 1 } }), 'failed')
    expect(task.attemptList[0]?.reason).toContain('pull is not supported by Docker Swarm services')
  })

  it('ends the service of a job that is cancelled', async () => {
    const job = await submit('echo begun; sleep 600')
    await vi.waitFor(async () => expect(await farm.logOf((await farm.tasks(job.id))[0]!.id)).toContain('begun'), { timeout: 30_000 })
    await farm.call('POST', `jobs/${job.id}/actions`, { action: 'cancel' })
    await ends(job, 'canceled')
    await noneLeft()
  })

  it('is not offered by an engine that manages no swarm', async () => {
    const lonely = await PrivateDockerd.start()
    try {
      const config = containerConfig({ engines: [{ name: 'lonely', host: lonely.host, swarm: true }], engineGraceSeconds: 0 })
      const engines = new Engines(config, { log: silentLogger, owner: 'test' })
      await engines.look()
      expect(engines.isAvailable()).toBe(false)
      await expect(engines.acquire('job', [], undefined, new AbortController().signal)).rejects.toThrow('manages no swarm')
    } finally {
      await lonely.remove()
    }
  })
})
