/** Crons and generators: protocol 3.8. */
import { Type } from 'typebox'
import type { Service } from '../../service.ts'
import { checkName } from '../../people/executors.ts'
import type { Cron } from '../../schedules/crons.ts'
import type { Generator } from '../../schedules/generators.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { flag, integer, maybe, text } from '../../wire/lenient.ts'
import { graphIdOf, wireTime } from '../../wire/values.ts'
import { DONE, message } from '../message.ts'

/** How often both are checked, milliseconds. */
export const CHECK_MS = 1_000

const CronBody = Type.Object({
  name: text,
  colonyname: text,
  interval: integer,
  cronexpression: text,
  random: flag,
  workflowspec: text,
  waitforprevprocessgraph: flag,
  /** How pycolonies spells it. */
  waitforprevprocessgrap: maybe(flag),
})
const GeneratorBody = Type.Object({ colonyname: text, name: text, workflowspec: text, trigger: integer, timeout: integer })

export const CRON_MESSAGES = [
  message(
    'addcronmsg',
    { cron: CronBody },
    async (service, { cron: body }, { signer }) => {
      const { colony, name: initiator } = service.roles.needMember(signer, body.colonyname)
      checkName(body.name, 'name')
      const cron = await service.crons.add(
        colony,
        {
          name: body.name,
          expression: body.cronexpression,
          interval: body.interval,
          random: body.random,
          workflow: body.workflowspec,
          waitForPrevious: body.waitforprevprocessgraph || body.waitforprevprocessgrap === true,
        },
        { id: signer, name: initiator },
      )
      return cronView(service, cron, 0)
    },
    { audit: ({ cron: { name, colonyname } }) => ({ action: 'addCron', kind: 'cron', id: name, detail: { colony: colonyname } }) },
  ),
  message('getcronmsg', { cronid: text }, (service, { cronid }, { signer }) =>
    cronView(service, needCron(service, cronid, signer, 500, 'Failed to get cron, cron is nil'), CHECK_MS),
  ),
  message('getcronsmsg', { colonyname: text, count: integer }, (service, { colonyname, count }, { signer }) => {
    const { colony } = service.roles.needMember(signer, colonyname)
    return service.crons
      .of(colony)
      .slice(0, Math.max(0, count))
      .map((cron) => cronView(service, cron, 0))
  }),
  message(
    'runcronmsg',
    { cronid: text },
    async (service, { cronid }, { signer }) => {
      const cron = needCron(service, cronid, signer, 400, 'cron not found')
      const before = cronView(service, cron, 0)
      await service.crons.run(cron)
      return before
    },
    { audit: ({ cronid }) => ({ action: 'runCron', kind: 'cron', id: cronid }) },
  ),
  message(
    'removecronmsg',
    { cronid: text },
    async (service, { cronid }, { signer }) => {
      await service.crons.remove(needCron(service, cronid, signer, 500, 'Failed to get cron, cron is nil'))
      return DONE
    },
    { audit: ({ cronid }) => ({ action: 'removeCron', kind: 'cron', id: cronid }) },
  ),
  message(
    'addgeneratormsg',
    { generator: GeneratorBody },
    async (service, { generator: body }, { signer }) => {
      const { colony, name: initiator } = service.roles.needMember(signer, body.colonyname)
      checkName(body.name, 'name')
      const { name, workflowspec: workflow, trigger, timeout } = body
      return generatorView(
        service,
        await service.generators.add(colony, { name, workflow, trigger, timeout }, { id: signer, name: initiator }),
        false,
      )
    },
    {
      audit: ({ generator: { name, colonyname } }) => ({
        action: 'addGenerator',
        kind: 'generator',
        id: name,
        detail: { colony: colonyname },
      }),
    },
  ),
  message('getgeneratormsg', { generatorid: text }, async (service, { generatorid }, { signer }) =>
    generatorView(service, await needGenerator(service, generatorid, signer), true),
  ),
  message('resolvegeneratormsg', { colonyname: text, generatorname: text }, async (service, { colonyname, generatorname }, { signer }) => {
    const { colony } = service.roles.needMember(signer, colonyname)
    const found = (await service.generators.of(colony)).find(({ name }) => name === generatorname)
    if (!found) throw new ColoniesError(500, 'Failed to resolve generator, generator is nil')
    return generatorView(service, found, false)
  }),
  message('getgeneratorsmsg', { colonyname: text, count: integer }, async (service, { colonyname, count }, { signer }) => {
    const { colony } = service.roles.needMember(signer, colonyname)
    return (await service.generators.of(colony)).slice(0, Math.max(0, count)).map((each) => generatorView(service, each, false))
  }),
  message('packgeneratormsg', { generatorid: text, arg: text }, async (service, { generatorid, arg }, { signer }) => {
    await service.generators.pack(await needGenerator(service, generatorid, signer), arg)
    return DONE
  }),
  message(
    'removegeneratormsg',
    { generatorid: text },
    async (service, { generatorid }, { signer }) => {
      await service.generators.remove(await needGenerator(service, generatorid, signer))
      return DONE
    },
    { audit: ({ generatorid }) => ({ action: 'removeGenerator', kind: 'generator', id: generatorid }) },
  ),
]

/** @throws ColoniesError with this status and words, 403 */
function needCron({ crons, roles }: Service, id: string, signer: string, status: 400 | 500, words: string): Cron {
  const cron = crons.find(id)
  if (!cron) throw new ColoniesError(status, words)
  roles.needMemberOf(signer, cron.colonyId)
  return cron
}

/** @throws ColoniesError 500, 403 */
async function needGenerator({ generators, roles }: Service, id: string, signer: string): Promise<Generator> {
  const generator = await generators.find(id)
  if (!generator) throw new ColoniesError(500, 'Failed to get generator, generator is nil')
  roles.needMemberOf(signer, generator.colonyId)
  return generator
}

function cronView({ registry }: Service, cron: Cron, checkerPeriod: number): Record<string, unknown> {
  return {
    cronid: cron.publicId,
    initiatorid: cron.initiatorId,
    initiatorname: cron.initiatorName,
    colonyname: registry.findById(cron.colonyId)?.name ?? '',
    name: cron.name,
    cronexpression: cron.expression,
    interval: cron.interval,
    random: cron.random !== 0,
    nextrun: wireTime(cron.nextAt),
    lastrun: wireTime(cron.lastAt),
    workflowspec: cron.workflow,
    prevprocessgraphid: cron.previousJob === null ? '' : graphIdOf(cron.previousJob),
    waitforprevprocessgraph: cron.waitForPrevious !== 0,
    checkerperiod: checkerPeriod,
  }
}

function generatorView({ registry }: Service, generator: Generator, whole: boolean): Record<string, unknown> {
  return {
    generatorid: generator.publicId,
    initiatorid: generator.initiatorId,
    initiatorname: generator.initiatorName,
    colonyname: registry.findById(generator.colonyId)?.name ?? '',
    name: generator.name,
    workflowspec: generator.workflow,
    trigger: generator.trigger,
    timeout: generator.timeout,
    firstpack: wireTime(generator.firstPackAt),
    lastrun: wireTime(generator.lastAt),
    queuesize: whole ? generator.queued : 0,
    checkerperiod: whole ? CHECK_MS : 0,
  }
}
