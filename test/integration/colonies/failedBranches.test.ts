/** What depends on a failed node of a workflow has failed as well, while another branch still runs. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { idOfPrivateKey, newPrivateKey } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import type { ColoniesCaller } from '../../support/coloniesCaller.ts'
import { coloniesFixture, spec } from '../../support/coloniesCaller.ts'
import { LiveManager, until } from '../../support/liveManager.ts'

const serverKey = newPrivateKey()
let farm: LiveManager
let executor: ColoniesCaller
let colony: string

beforeAll(async () => {
  farm = await LiveManager.start()
  await farm.call('PATCH', '/settings', {
    body: { coloniesEnabled: true, coloniesPort: 0, coloniesServerId: idOfPrivateKey(serverKey) },
  })
  ;({ executor, colony } = await coloniesFixture(farm.url, serverKey))
})
afterAll(() => farm.stop())

const node = (nodename: string, ...dependencies: string[]): Record<string, unknown> =>
  spec(colony, { nodename, conditions: { colonyname: colony, executortype: 'cli', dependencies } })
const statesOf = (ids: string[]): Promise<number[]> =>
  Promise.all(ids.map(async (processid) => (await executor.ask('getprocessmsg', { processid })).state))

it('fails at once, tells who waits for it, is counted, and waits again when the failed node runs again', async () => {
  // a → b → d, c → d, and x beside them, which goes on running.
  const functionspecs = [node('a'), node('c'), node('x'), node('b', 'a'), node('d', 'b', 'c')]
  const graph = await executor.ask('submitworkflowspecmsg', { spec: { colonyname: colony, functionspecs } })
  const ids: string[] = graph.processids
  const [a = '', c = '', , , d = ''] = ids
  for (let n = 0; n < 3; n++) await executor.ask('assignprocessmsg', { colonyname: colony, timeout: 10 })
  const told = toldOf(d)
  await told.open

  await executor.ask('closefailedmsg', { processid: a, errors: ['no light'] })
  expect(await statesOf(ids)).toEqual([3, 1, 1, 3, 3])
  expect(await told.state).toBe(3)
  expect(await executor.ask('getprocessgraphmsg', { processgraphid: graph.processgraphid })).toMatchObject({ state: 3 })
  expect(await executor.ask('getcolonystatsmsg', { colonyname: colony })).toMatchObject({ failedprocesses: 3, runningprocesses: 2 })

  await executor.ask('closefailedmsg', { processid: c, errors: [] })
  const { body } = await farm.get('/jobs?limit=1')
  const jobId: string = body.items[0].id
  const tasks: { id: string; index: number }[] = (await farm.get(`/jobs/${jobId}/tasks`)).body.items
  const requeue = async (index: number): Promise<void> => {
    const id = tasks.find((task) => task.index === index)?.id
    const { status, text } = await farm.call('POST', `/tasks/${id}/actions`, { body: { action: 'requeue' } })
    expect(status, text).toBeLessThan(300)
  }
  await requeue(1)
  // d still depends on c, which has failed.
  expect(await statesOf(ids)).toEqual([0, 3, 1, 0, 3])
  await requeue(2)
  expect(await statesOf(ids)).toEqual([0, 0, 1, 0, 0])
})

it('stays failed when the job ends', async () => {
  const graph = await executor.ask('submitworkflowspecmsg', {
    spec: { colonyname: colony, functionspecs: [{ ...node('a'), priority: 5 }, node('b', 'a')] },
  })
  const { processid } = await executor.ask('assignprocessmsg', { colonyname: colony, timeout: 10 })
  expect(processid).toBe(graph.processids[0])
  await executor.ask('closefailedmsg', { processid, errors: [] })
  const job = async (): Promise<string> => (await farm.get('/jobs?limit=1')).body.items[0].status
  await until(async () => (await job()) === 'failed', 'the job ended')
  expect(await statesOf(graph.processids)).toEqual([3, 3])
})

/** The state in the first frame of a subscription to a process. */
function toldOf(processid: string): { open: Promise<void>; state: Promise<number> } {
  const socket = new WebSocket(`${farm.url.replace('http', 'ws')}/pubsub`)
  const body = { msgtype: 'subscribeprocessmsg', colonyname: colony, processid, executortype: 'cli', state: 2, timeout: 30 }
  const open = new Promise<void>((resolve) => socket.once('open', () => socket.send(executor.envelope(body), () => resolve())))
  const state = new Promise<number>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('message', (data: Buffer) => {
      const { payload } = JSON.parse(data.toString()) as { payload: string }
      resolve((JSON.parse(Buffer.from(payload, 'base64').toString()) as { state: number }).state)
      socket.close()
    })
  })
  return { open, state }
}
