/** What is pulled with a password, and what is tidied up again: real pulls from a registry of the test's own. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { DEFAULT_SOCKET, type ContainerConfig } from '../../../src/main/docker/config.ts'
import { Engines } from '../../../src/main/docker/engines/engines.ts'
import { unusedImages } from '../../../src/main/docker/engines/prune.ts'
import { dockerRun } from '../../../src/main/worker/commands/container/dockerRun.ts'
import { imageLedger } from '../../../src/main/worker/attempt/imageLedger.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { commandOf, recordedContext, tempFolder } from '../../support/commandContext.ts'
import { containerConfig, docker, importBusybox, type TestImage } from '../../support/containers.ts'
import { PrivateDockerd } from '../../support/dockerd.ts'
import { requirePart } from '../../support/parts.ts'
import { startRegistry, type TestRegistry } from '../../support/registry.ts'

const DAY_MS = 86_400_000
const part = requirePart('docker')

part.describe('images of a registry', () => {
  let local: TestImage
  let registry: TestRegistry
  let now = Date.now()
  const left: string[] = []
  beforeAll(async () => {
    local = importBusybox()
    registry = await startRegistry(local.name, 'ci', 'secret')
  })
  afterEach(() => {
    for (const name of left.splice(0)) if (has(name)) docker(['rmi', '--force', name])
  })
  afterAll(async () => {
    await registry.stop()
    local.remove()
  })

  const has = (name: string) => docker(['images', '--quiet', name]) !== ''
  const named = (name: string) => {
    left.push(`${registry.host}/${name}`)
    return `${registry.host}/${name}`
  }

  async function engines(folder: string, prune: Partial<ContainerConfig['prune']>, host = DEFAULT_SOCKET): Promise<Engines> {
    const config = containerConfig({
      engines: [{ name: 'local', host }],
      prune: { imageDays: 0, minFreeGiB: 0, containerDays: 0, ...prune },
    })
    const made = new Engines(config, { log: silentLogger, owner: randomUUID(), images: imageLedger(folder, silentLogger), now: () => now })
    await made.look()
    return made
  }

  async function run(on: Engines, image: string, more: object = {}): Promise<string> {
    const registries = [{ registry: registry.host, username: 'ci', password: 'secret' }]
    const context = await recordedContext({ taskId: randomUUID(), task: { container: { isAdminJob: false, registries, blacklist: [] } } })
    await dockerRun(on)(commandOf('docker-run', { image, command: ['echo', 'hello'], ...more }), context)
    await on.idle()
    return JSON.stringify(context.results.at(-1))
  }

  it('are pulled with what the farm knows for it; the digest is reported', async () => {
    const image = named('team/tool:1')
    const result = await run(await engines(await tempFolder(), {}), image, { pull: 'always' })
    expect(result).toMatch(new RegExp(`"imageDigest":"${registry.host}/team/tool@sha256:[0-9a-f]{64}"`))
    expect(registry.pulls).toBeGreaterThan(0)
    const config = await engines(await tempFolder(), {})
    const context = await recordedContext({ taskId: randomUUID() })
    const refused = dockerRun(config)(commandOf('docker-run', { image: named('team/other:1') }), context)
    await expect(refused).rejects.toMatchObject({
      outcome: 'could-not-start',
      message: expect.stringMatching(/cannot pull .*(auth|credentials)/i),
    })
  })

  it('are removed when they were not used for so long, also by the next run of the worker; what the farm did not pull stays', async () => {
    const folder = await tempFolder()
    const [old, used] = [named('old:1'), named('used:1')]
    const first = await engines(folder, { imageDays: 7 })
    await run(first, old)
    await run(first, used)
    await run(first, local.name)
    now += 5 * DAY_MS
    await run(first, used)
    await first.prune()
    expect([old, used].map(has)).toEqual([true, true])
    now += 3 * DAY_MS
    const second = await engines(folder, { imageDays: 7 })
    await second.prune()
    expect([old, used, local.name].map(has)).toEqual([false, true, true])
  })

  it('are removed, oldest first, while the disk has too little room, but for those in use', async () => {
    const folder = await tempFolder()
    const [idle, busy] = [named('idle:1'), named('busy:1')]
    const made = await engines(folder, { minFreeGiB: 1_000_000 })
    await run(made, idle)
    await run(made, busy)
    // The local image is the same content: only a container that was made by this name holds it.
    const id = docker(['create', busy, 'true'])
    try {
      docker(['rmi', '--no-prune', local.name, idle])
      await made.prune()
      expect([idle, busy].map(has)).toEqual([false, true])
    } finally {
      docker(['rm', id])
      docker(['tag', busy, local.name])
    }
  })

  it('nothing is removed without a policy', async () => {
    const image = named('kept:1')
    const made = await engines(await tempFolder(), {})
    await run(made, image)
    now += 1000 * DAY_MS
    await made.prune()
    expect(has(image)).toBe(true)
  })

  it('containers of other workers that ended long ago go; running ones and others stay', async () => {
    // Not on the machine's own engine, where other tests have containers that ended.
    const daemon = await PrivateDockerd.start()
    try {
      const image = importBusybox(daemon.host)
      const start = (seconds: string, ...labels: string[]) =>
        docker(['run', '--detach', '--network', 'none', ...labels, image.name, 'sleep', seconds], daemon.host)
      const ofFarm = ['--label', 'framehouse.owner=gone']
      const [gone, other, running] = [start('0', ...ofFarm), start('0'), start('1000', ...ofFarm)]
      docker(['wait', gone, other], daemon.host)
      const made = await engines(await tempFolder(), { containerDays: 1 }, daemon.host)
      const all = () => docker(['ps', '--all', '--quiet', '--no-trunc'], daemon.host)
      now = Date.now()
      await made.prune()
      expect(all()).toContain(gone)
      now += 2 * DAY_MS
      await made.prune()
      expect(all()).not.toContain(gone)
      expect(all()).toContain(other)
      expect(all()).toContain(running)
    } finally {
      await daemon.remove()
    }
  }, 120_000)
})

it('counts days from the last use', () => {
  const image = (days: number) => ({ engine: 'e', reference: `${days}`, usedAt: -days * DAY_MS })
  const images = [image(1), image(7), image(30)]
  expect(unusedImages(images, 7, 0).map(({ reference }) => reference)).toEqual(['7', '30'])
  expect(unusedImages(images, 0, 0)).toEqual([])
})
