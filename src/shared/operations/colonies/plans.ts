/** Operations of the native API: crons, generators, blueprints, files and functions of a colony. */
import { Type } from 'typebox'
import {
  BlueprintDefinition,
  BlueprintGeneration,
  ColonyBlueprint,
  ColonyCron,
  ColonyFile,
  ColonyFunction,
  ColonyGenerator,
  ColonySnapshot,
} from '../../schemas/colonies/plans.ts'
import { ColonyName, Identity } from '../../schemas/colonies/people.ts'
import { operation } from '../operation.ts'
import { Nothing } from '../params.ts'
import { ColonyParams } from './colonies.ts'

const CronParams = Type.Object({ colony: ColonyName, cron: Identity })
const GeneratorParams = Type.Object({ colony: ColonyName, generator: Identity })

export const listColonyCrons = operation({
  method: 'GET',
  url: '/colony-crons',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'listColonyCrons',
    summary: 'Crons of one colony, or of all',
    querystring: Type.Object({ colony: Type.Optional(ColonyName) }),
    response: { 200: Type.Object({ items: Type.Array(ColonyCron) }) },
  },
})

export const runColonyCron = operation({
  method: 'POST',
  url: '/colonies/:colony/crons/:cron/run',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'runColonyCron',
    summary: 'Run a cron now, unless it waits for its last run',
    params: CronParams,
    response: { 200: ColonyCron },
  },
})

export const removeColonyCron = operation({
  method: 'DELETE',
  url: '/colonies/:colony/crons/:cron',
  config: { access: 'admin' },
  schema: { tags: ['colonies'], operationId: 'removeColonyCron', summary: 'Remove a cron', params: CronParams, response: Nothing },
})

export const listColonyGenerators = operation({
  method: 'GET',
  url: '/colonies/:colony/generators',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'listColonyGenerators',
    summary: 'Generators with how many arguments wait',
    params: ColonyParams,
    response: { 200: Type.Object({ items: Type.Array(ColonyGenerator) }) },
  },
})

export const removeColonyGenerator = operation({
  method: 'DELETE',
  url: '/colonies/:colony/generators/:generator',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'removeColonyGenerator',
    summary: 'Remove a generator with the arguments that wait',
    params: GeneratorParams,
    response: Nothing,
  },
})

export const listColonyBlueprints = operation({
  method: 'GET',
  url: '/colonies/:colony/blueprints',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'listColonyBlueprints',
    summary: 'Blueprints and their definitions',
    params: ColonyParams,
    response: { 200: Type.Object({ definitions: Type.Array(BlueprintDefinition), items: Type.Array(ColonyBlueprint) }) },
  },
})

export const listBlueprintHistory = operation({
  method: 'GET',
  url: '/colonies/:colony/blueprints/:blueprint/history',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'listBlueprintHistory',
    summary: 'Generations of a blueprint, the newest first',
    params: Type.Object({ colony: ColonyName, blueprint: ColonyName }),
    querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })) }),
    response: { 200: Type.Object({ items: Type.Array(BlueprintGeneration) }) },
  },
})

export const listColonyFiles = operation({
  method: 'GET',
  url: '/colonies/:colony/files',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'listColonyFiles',
    summary: 'Labels, snapshots, and the files with a label',
    description: 'With a `name` all versions of that file, the newest first.',
    params: ColonyParams,
    querystring: Type.Object({
      label: Type.Optional(Type.String({ maxLength: 4_096 })),
      name: Type.Optional(Type.String({ maxLength: 200 })),
    }),
    response: {
      200: Type.Object({
        labels: Type.Array(Type.Object({ name: Type.String(), files: Type.Integer() })),
        snapshots: Type.Array(ColonySnapshot),
        items: Type.Array(ColonyFile),
      }),
    },
  },
})

export const listColonyFunctions = operation({
  method: 'GET',
  url: '/colonies/:colony/functions',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'listColonyFunctions',
    summary: 'Functions that executors registered, with how long their processes waited and ran',
    params: ColonyParams,
    response: { 200: Type.Object({ items: Type.Array(ColonyFunction) }) },
  },
})
