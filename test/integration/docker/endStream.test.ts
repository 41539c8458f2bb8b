/** How the end of a container is noticed: what it costs the engine, and what happens where its events cannot be relied on. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { Engines } from '../../../src/main/docker/engines/engines.ts'
import { dockerRun } from '../../../src/main/worker/commands/container/dockerRun.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { commandOf, recordedContext, until, type RecordedContext } from '../../support/commandContext.ts'
import { containerConfig, importBusybox, type TestImage } from '../../support/containers.ts'
import { EngineDoor } from '../../support/engineDoor.ts'
import { requirePart } from '../../support/parts.ts'

requirePart('docker').describe('the end of a container', () => {
  let image: TestImage
  let door: EngineDoor
  let engines: Engines
  beforeAll(() => {
    image = importBusybox()
  })
  afterAll(() => image.remove())
  beforeEach(async () => {
    door = await EngineDoor.open()
    const config = containerConfig({ engines: [{ name: 'local', host: door.host }] })
    engines = new Engines(config, { log: silentLogger, owner: randomUUID() })
    await engines.look()
  })
  afterEach(async () => {
    await engines.idle()
    door.close()
  })

  async function run(script: string, during: (context: RecordedContext) => Promise<void> = () => Promise.resolve()): Promise<unknown> {
    const context = await recordedContext({ taskId: randomUUID() })
    const parameters = { image: image.name, command: ['sh', '-c', script], network: 'none' }
    await Promise.all([dockerRun(engines)(commandOf('docker-run', parameters), context), during(context)])
    await engines.idle()
    return context.results.at(-1)
  }
  const ended = {
    containers: [expect.objectContaining({ exitCode: 0, oomKilled: false, startedAt: expect.any(String), finishedAt: expect.any(String) })],
  }

  it('costs no request of its own', async () => {
    await run('true')
    door.asked.length = 0
    expect(await run('true')).toEqual(ended)
    // Samples are asked for after a second, which a loaded machine may need.
    expect(door.asked.filter((request) => !request.endsWith('/stats')).toSorted()).toEqual([
      'DELETE /containers/ID',
      'GET /containers/ID/json',
      'POST /containers/ID/attach',
      'POST /containers/ID/start',
      'POST /containers/create',
    ])
  })

  it.each(['refused', 'silent'] as const)(
    'is asked for where the events are %s',
    async (events) => {
      door.events = events
      const answer = run('sleep 1', async (context) => {
        await until(() => context.activities.some((text) => text.startsWith('running')), 'it runs')
        // Whether it ended by itself is a question of events, too.
        if (events === 'silent') door.events = 'told'
      })
      expect(await answer).toEqual(ended)
      expect(door.asked).toContain('POST /containers/ID/wait')
    },
    30_000,
  )

  it('is asked for when the events break off while it runs', async () => {
    const answer = run('sleep 1', async (context) => {
      await until(() => context.activities.some((text) => text.startsWith('running')), 'it runs')
      door.breakEvents()
    })
    expect(await answer).toEqual(ended)
    expect(door.asked).toContain('POST /containers/ID/wait')
    door.asked.length = 0
    expect(await run('true')).toEqual(ended)
    expect(door.asked).not.toContain('POST /containers/ID/wait')
  })
})
