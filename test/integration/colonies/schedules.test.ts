/** A firing of a cron or generator and its record are one transaction: what fails between them has not happened. */
import { afterEach, expect, it } from 'vitest'
import { idOfPrivateKey, newPrivateKey } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import type { ColoniesCaller } from '../../support/coloniesCaller.ts'
import { coloniesFixture, spec } from '../../support/coloniesCaller.ts'
import { LiveManager, until } from '../../support/liveManager.ts'

const FAIL_BETWEEN = `
  create trigger test_cron_fails before update of last_at on colonies_crons begin select raise(abort, 'the disk is gone'); end;
  create trigger test_packs_fail before delete on colonies_packs begin select raise(abort, 'the disk is gone'); end;`
const WORK_AGAIN = 'drop trigger test_cron_fails; drop trigger test_packs_fail;'

let farm: LiveManager | undefined
afterEach(() => farm?.stop())

it('a firing whose record cannot be written submits nothing, and fires once when it can', async () => {
  const serverKey = newPrivateKey()
  const warnings: string[] = []
  farm = await LiveManager.start({ log: { ...silentLogger, warn: (_facts, message) => warnings.push(String(message)) } })
  await farm.call('PATCH', '/settings', {
    body: { coloniesEnabled: true, coloniesPort: 0, coloniesServerId: idOfPrivateKey(serverKey) },
  })
  const { executor, colony } = await coloniesFixture(farm.url, serverKey)
  const workflowspec = JSON.stringify({ colonyname: colony, functionspecs: [spec(colony, { nodename: 'a' })] })
  const { cronid } = await executor.ask('addcronmsg', {
    cron: { name: 'hourly', colonyname: colony, interval: 3_600, cronexpression: '', workflowspec },
  })
  const { generatorid } = await executor.ask('addgeneratormsg', {
    generator: { name: 'pairs', colonyname: colony, workflowspec, trigger: 2, timeout: -1 },
  })

  farm = await farm.restart(0, FAIL_BETWEEN)
  let caller: ColoniesCaller = executor.at(farm.url)
  const graphs = (): Promise<unknown[]> => caller.ask('getprocessgraphsmsg', { colonyname: colony, count: 100 })
  const before = await caller.ask('getcronmsg', { cronid })
  await caller.ask('runcronmsg', { cronid })
  for (const arg of ['one', 'two']) await caller.ask('packgeneratormsg', { generatorid, arg })
  await until(() => warnings.some((warning) => warning.includes('generator')), 'the generator was tried')
  expect(warnings.some((warning) => warning.includes('cron'))).toBe(true)
  expect(await graphs()).toEqual([])
  const after = await caller.ask('getcronmsg', { cronid })
  expect([after.lastrun, after.prevprocessgraphid]).toEqual([before.lastrun, ''])

  farm = await farm.restart(0, WORK_AGAIN)
  caller = executor.at(farm.url)
  await until(async () => (await graphs()).length === 1, 'the generator fired')
  await caller.ask('runcronmsg', { cronid })
  expect(await graphs()).toHaveLength(2)
  const ran = await caller.ask('getcronmsg', { cronid })
  expect(await graphs()).toContainEqual(expect.objectContaining({ processgraphid: ran.prevprocessgraphid }))
  expect(await caller.ask('getgeneratormsg', { generatorid })).toMatchObject({ queuesize: 0 })
})
