/** A worker with two live daemons: which of them runs a container, and what becomes of one whose connections break. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import type { ContainerConfig } from '../../../src/main/docker/config.ts'
import { ContainerFarm } from '../../support/containerFarm.ts'
import { containerConfig, docker, importBusybox, type TestImage } from '../../support/containers.ts'
import { PrivateDockerd } from '../../support/dockerd.ts'
import { EngineDoor } from '../../support/engineDoor.ts'
import { requirePart } from '../../support/parts.ts'

const soon = { timeout: 120_000, interval: 100 }

requirePart('docker').describe('two engines of one worker', () => {
  let second: PrivateDockerd
  let image: TestImage
  let door: EngineDoor
  let farm: ContainerFarm
  beforeAll(async () => {
    second = await PrivateDockerd.start()
    image = importBusybox()
    docker(['tag', importBusybox(second.host).name, image.name], second.host)
  }, 120_000)
  afterAll(async () => {
    image.remove()
    await second.remove()
  })
  beforeEach(async () => {
    door = await EngineDoor.open()
    farm = await ContainerFarm.start()
  })
  afterEach(async () => {
    await farm.stop()
    door.close()
  })

  const start = (more: Partial<ContainerConfig>) => {
    const engines = [
      { name: 'first', host: door.host },
      { name: 'second', host: second.host },
    ]
    return farm.worker(containerConfig({ engines, ...more }))
  }

  /** The engine that ran it to its end. */
  async function runs(name: string): Promise<string | undefined> {
    const { id } = await farm.submit({ image: image.name, command: 'true', network: 'none' }, { name })
    await vi.waitFor(async () => expect((await farm.job(id)).status).toBe('completed'), soon)
    const [task] = await farm.tasks(id)
    return task?.attemptList.find(({ outcome }) => outcome === 'success')?.result?.containers[0]?.engine
  }

  it('are chosen by the name of the work, and by the blacklist', async () => {
    const pools = [
      { match: 'sim-\\d', engines: ['second'], maxRunning: 2 },
      { match: 'both', engines: ['first', 'second'], maxRunning: 2 },
      { match: '', engines: ['first'], maxRunning: 2 },
    ]
    await start({ pools })
    expect(await Promise.all(['sim-1', 'sim-x', 'comp'].map(runs))).toEqual(['second', 'first', 'first'])
    const key = door.host.replace('tcp://', '')
    await farm.call('PATCH', 'settings', { dockerBlacklist: [key] })
    expect(await Promise.all(['both 1', 'both 2', 'both 3'].map(runs))).toEqual(['second', 'second', 'second'])
  }, 240_000)

  it('one that breaks connections is left out, tried again, and taken back; the farm tells of it', async () => {
    const circuit = async () => {
      const reply = await fetch(new URL('status/', farm.manager.url))
      // As much of the answer as is looked at; a wrong shape fails the expectations.
      const { hosts } = (await reply.json()) as { hosts: { port: number; circuit: string }[] }
      return hosts.find(({ port }) => port === Number(new URL(door.host).port))?.circuit
    }
    await start({ circuit: { maxFails: 1, resetSeconds: 15 } })
    await vi.waitFor(async () => expect(await circuit()).toBe('closed'), soon)
    door.isJammed = true
    await vi.waitFor(async () => {
      expect(await runs('any')).toBe('second')
      expect(await circuit()).toBe('open')
    }, soon)
    door.isJammed = false
    await vi.waitFor(async () => expect(await circuit()).toBe('half-open'), soon)
    await vi.waitFor(async () => expect(await runs('any')).toBe('first'), soon)
    await vi.waitFor(async () => expect(await circuit()).toBe('closed'), soon)
  }, 240_000)
})
