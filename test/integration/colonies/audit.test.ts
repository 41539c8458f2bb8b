/** Who belongs to a colony, and who changed that, is in the farm's audit log. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { idOfPrivateKey, newPrivateKey } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import { ColoniesCaller, coloniesFixture, spec } from '../../support/coloniesCaller.ts'
import { LiveManager, until } from '../../support/liveManager.ts'

const serverKey = newPrivateKey()
let farm: LiveManager

beforeAll(async () => {
  farm = await LiveManager.start()
  await farm.call('PATCH', '/settings', {
    body: { coloniesEnabled: true, coloniesPort: 0, coloniesServerId: idOfPrivateKey(serverKey) },
  })
})
afterAll(() => farm.stop())

interface Entry {
  actor: string
  actorId: string
  action: string
  targetKind: string
  targetId: string
  detail: unknown
}
const entries = async (): Promise<Entry[]> => (await farm.get('/audit?limit=100')).body.items

it('tells who did what, under an id that cannot be chosen, and nothing of what was refused or only read', async () => {
  const { owner, executor, colony } = await coloniesFixture(farm.url, serverKey)
  const server = new ColoniesCaller(farm.url, serverKey)
  const user = new ColoniesCaller(farm.url)
  await owner.ask('addusermsg', { user: { colonyname: colony, userid: user.id, name: 'anna', email: '', phone: '' } })
  expect((await user.send('rejectexecutormsg', { colonyname: colony, executorname: 'one' })).status).toBe(403)
  const { processid } = await user.ask('submitfuncspecmsg', { spec: spec(colony) })
  await user.ask('cancelprocessmsg', { processid })
  await executor.ask('getprocessmsg', { processid })
  await owner.ask('removeexecutormsg', { colonyname: colony, executorname: 'one' })
  await server.ask('removecolonymsg', { colonyname: colony })

  await until(async () => (await entries()).some(({ action }) => action === 'removeColony'), 'the log was written')
  const found = (await entries()).filter(({ actorId }) => actorId.startsWith('colonies:')).toReversed()
  const byOwner = { actor: `colonies:${colony}/owner`, actorId: `colonies:${owner.id}` }
  const byServer = { actor: 'colonies:server-owner', actorId: `colonies:${server.id}`, targetKind: 'colony', targetId: colony }
  expect(found).toMatchObject([
    { ...byServer, action: 'addColony', detail: { owner: owner.id } },
    { ...byOwner, action: 'addExecutor', targetKind: 'executor', targetId: 'one', detail: { colony, type: 'cli', identity: executor.id } },
    { ...byOwner, action: 'approveExecutor', targetKind: 'executor', targetId: 'one', detail: { colony } },
    { ...byOwner, action: 'addColonyUser', targetKind: 'colony-user', targetId: 'anna', detail: { colony, identity: user.id } },
    { actor: `colonies:${colony}/anna`, actorId: `colonies:${user.id}`, action: 'cancelProcess', targetKind: 'task' },
    { ...byOwner, action: 'removeExecutor', targetKind: 'executor', targetId: 'one', detail: { colony } },
    { ...byServer, action: 'removeColony' },
  ])
})
