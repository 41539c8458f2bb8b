import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FLAMENCO_TIMING } from '../../../src/main/worker/adapters/flamenco/flamencoWorker.ts'
import { FakeFlamenco } from '../../support/fakeFlamenco.ts'
import { WorkerLab } from '../../support/workerParts.ts'

let manager: FakeFlamenco
let lab: WorkerLab
beforeEach(async () => {
  manager = await FakeFlamenco.start()
  lab = new WorkerLab()
})
afterEach(async () => {
  await lab.cleanUp()
  await manager.close()
})

const soon = { timeout: 40_000, interval: 10 }
const flamencoTiming = {
  ...FLAMENCO_TIMING,
  idleMs: 100,
  errorMs: 200,
  asleepMs: 30,
  mayIRunMs: 20,
  closeMs: 500,
  connect: { firstMs: 20, maxMs: 100, factor: 2, jitter: 0.1 },
}
const previews = { previews: async () => undefined, fullSize: async (path: string) => Buffer.from(`image of ${path}`) }
const images = (): string[] =>
  manager.calls.filter(({ call }) => call === 'POST task/ID/output-produced').map(({ bytes }) => bytes.toString())

describe('a worker whose Flamenco Manager goes away', () => {
  it('warns once, keeps the newest image of each task, shows it when the Manager is back, and says that it is', async () => {
    const { commands, log } = await lab.start({ managerUrl: manager.url }, { flamencoTiming, createPreviews: () => previews })
    let save = (_path: string): void => {}
    let finish = (): void => {}
    commands.set('render', async (_command, context) => {
      save = (path) => context.output({ path, frame: 1, bytes: 1, width: 1, height: 1, renderedMs: 1 })
      await new Promise<void>((resolve) => (finish = resolve))
    })
    const task = manager.submit({ name: 'render', parameters: {} })
    await expect.poll(() => task.activity, soon).toBe('Started')
    save('/out/1.png')
    await expect.poll(images, soon).toEqual(['image of /out/1.png'])

    for (const outage of [1, 2]) {
      manager.calls.length = 0
      await manager.close()
      for (let frame = 1; frame <= 20; frame++) {
        save(`/out/${outage}-${frame}.png`)
        // Each upload is under way before the next frame is saved.
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      await expect.poll(() => log.lines.filter((line) => line.startsWith('warn')).length, soon).toBe(outage)
      await manager.open()
      await expect.poll(() => images().at(-1), soon).toBe(`image of /out/${outage}-20.png`)
      await expect.poll(() => log.lines.filter((line) => line === 'info the Manager is back').length, soon).toBe(outage)
    }
    finish()
    await expect.poll(() => task.status, soon).toBe('completed')
    const warnings = log.lines.filter((line) => line.startsWith('warn'))
    expect(warnings).toEqual([
      expect.stringContaining('the Manager does not answer'),
      expect.stringContaining('the Manager does not answer'),
    ])
  })

  it('sends an image again for which the Manager had no room, and says nothing of an outage', async () => {
    let refused = 0
    manager.intercept = (call) =>
      call === 'POST task/ID/output-produced' && refused++ < 2 ? { status: 429, body: { message: 'queue is full' } } : undefined
    const { commands, log } = await lab.start({ managerUrl: manager.url }, { flamencoTiming, createPreviews: () => previews })
    commands.set('render', async (_command, context) =>
      context.output({ path: '/out/1.png', frame: 1, bytes: 1, width: 1, height: 1, renderedMs: 1 }),
    )
    const task = manager.submit({ name: 'render', parameters: {} })
    await expect.poll(() => images().length, soon).toBe(3)
    await expect.poll(() => task.status, soon).toBe('completed')
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([])
  })
})
