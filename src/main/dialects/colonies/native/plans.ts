/** What a colony keeps beside its work, for the native API: crons, generators, blueprints, files, functions. */
import {
  listBlueprintHistory,
  listColonyBlueprints,
  listColonyCrons,
  listColonyFiles,
  listColonyFunctions,
  listColonyGenerators,
  removeColonyCron,
  removeColonyGenerator,
  runColonyCron,
} from '../../../../shared/operations/colonies/plans.ts'
import type { ColonyCron, ColonyFile, ColonyFunction, ColonyGenerator } from '../../../../shared/schemas/colonies/plans.ts'
import { NotFoundError } from '../../../engine/base/errors.ts'
import { time, timeOrNull } from '../../../store/queries/format.ts'
import type { Cron } from '../schedules/crons.ts'
import type { Generator } from '../schedules/generators.ts'
import { readWorkflow } from '../schedules/workflowText.ts'
import type { Service } from '../service.ts'
import * as files from '../store/files.ts'
import type { FunctionRow } from '../store/functions.ts'
import { needColony } from './errors.ts'
import type { NativeApp } from './routes.ts'

export function planRoutes(app: NativeApp, service: Service): void {
  const { context, registry, crons, generators, blueprints, functions } = service

  app.route({
    ...listColonyCrons,
    handler: ({ query }) => {
      const colonies = query.colony === undefined ? registry.colonies() : [needColony(service, query.colony)]
      return { items: colonies.flatMap((colony) => crons.of(colony).map((cron) => cronView(colony.name, cron))) }
    },
  })
  app.route({
    ...runColonyCron,
    handler: async (request) => {
      const cron = needCron(service, request.params)
      await crons.run(cron)
      request.audited = { kind: 'cron', id: cron.name, detail: { colony: request.params.colony } }
      return cronView(request.params.colony, cron)
    },
  })
  app.route({
    ...removeColonyCron,
    handler: async (request, reply) => {
      const cron = needCron(service, request.params)
      await crons.remove(cron)
      request.audited = { kind: 'cron', id: cron.name, detail: { colony: request.params.colony } }
      return reply.code(204).send(null)
    },
  })

  app.route({
    ...listColonyGenerators,
    handler: async ({ params }) => ({ items: (await generators.of(needColony(service, params.colony))).map(generatorView) }),
  })
  app.route({
    ...removeColonyGenerator,
    handler: async (request, reply) => {
      const colony = needColony(service, request.params.colony)
      const generator = await generators.find(request.params.generator)
      if (generator?.colonyId !== colony.id) throw new NotFoundError('generator', request.params.generator)
      await generators.remove(generator)
      request.audited = { kind: 'generator', id: generator.name, detail: { colony: colony.name } }
      return reply.code(204).send(null)
    },
  })

  app.route({
    ...listColonyBlueprints,
    handler: ({ params }) => blueprints.overview(needColony(service, params.colony)),
  })
  app.route({
    ...listBlueprintHistory,
    handler: async ({ params, query }) => {
      const colony = needColony(service, params.colony)
      const nameOf = (id: string): string => registry.executorIn(colony, id)?.name ?? registry.userIn(colony, id)?.name ?? id
      const items = await blueprints.generations(colony, params.blueprint, query.limit ?? 100)
      return { items: items.map(({ changedBy, at, ...item }) => ({ ...item, at: time(at), changedBy: nameOf(changedBy) })) }
    },
  })

  app.route({
    ...listColonyFiles,
    handler: async ({ params, query: { label, name } }) => {
      const { id } = needColony(service, params.colony)
      const { read } = context
      const [labels, snapshots, rows] = await Promise.all([
        files.labelsOf(read, id),
        files.listSnapshots(read, id),
        label === undefined ? [] : name === undefined ? files.filesOf(read, id, label) : files.versionsOf(read, id, label, name),
      ])
      return { labels, snapshots: snapshots.map(snapshotView), items: rows.map(fileView) }
    },
  })

  app.route({
    ...listColonyFunctions,
    handler: async ({ params }) => ({
      items: (await functions.list(needColony(service, params.colony), undefined)).map(functionView),
    }),
  })
}

/** @throws NotFoundError */
function needCron(service: Service, params: { colony: string; cron: string }): Cron {
  const cron = service.crons.find(params.cron)
  if (cron?.colonyId !== needColony(service, params.colony).id) throw new NotFoundError('cron', params.cron)
  return cron
}

const functionsOf = (workflow: string): string[] => [...new Set(readWorkflow(workflow).map(({ funcname }) => funcname))]

function cronView(colony: string, cron: Cron): ColonyCron {
  return {
    id: cron.publicId,
    colony,
    name: cron.name,
    expression: cron.expression,
    everySeconds: cron.interval > 0 ? cron.interval : null,
    random: cron.random !== 0,
    waitForPrevious: cron.waitForPrevious !== 0,
    submittedBy: cron.initiatorName,
    nextAt: timeOrNull(cron.nextAt),
    lastAt: timeOrNull(cron.lastAt),
    lastJobId: cron.previousJob,
    functions: functionsOf(cron.workflow),
  }
}

function generatorView({ publicId, name, initiatorName, trigger, timeout, queued, lastAt, workflow }: Generator): ColonyGenerator {
  return {
    id: publicId,
    name,
    submittedBy: initiatorName,
    trigger,
    timeoutSeconds: timeout,
    queued,
    lastAt: timeOrNull(lastAt),
    functions: functionsOf(workflow),
  }
}

function fileView({ publicId, label, name, size, sequence, checksum, checksumAlgorithm, addedAt }: files.FileRow): ColonyFile {
  return { id: publicId, label, name, size, version: sequence, checksum, checksumAlgorithm, addedAt: time(addedAt) }
}

function snapshotView({ publicId, name, label, fileIds, addedAt }: files.SnapshotRow) {
  // A list, written by messages/data/files.ts.
  return { id: publicId, name, label, files: (JSON.parse(fileIds) as string[]).length, takenAt: time(addedAt) }
}

function functionView(row: FunctionRow): ColonyFunction {
  const { id, name, executorName, executorType, description, counter } = row
  return {
    id,
    name,
    executor: executorName,
    executorType,
    description,
    calls: counter,
    wait: { min: row.minWait, average: row.avgWait, max: row.maxWait },
    run: { min: row.minExec, average: row.avgExec, max: row.maxExec },
  }
}
