/** Blueprints: what a colony should have, kept by reconcilers, which are executors that get processes when something changes. */
import { randomUUID } from 'node:crypto'
import type { BlueprintDefinition, ColonyBlueprint } from '../../../../shared/schemas/colonies/plans.ts'
import type { ApiContext } from '../../../http/context.ts'
import type { Colony } from '../people/registry.ts'
import type { Initiator, Submission } from '../processes/submission.ts'
import { FuncSpec } from '../processes/specs.ts'
import type { WireProcess } from '../processes/views.ts'
import type { Crons } from '../schedules/crons.ts'
import * as rows from '../store/blueprints.ts'
import { ColoniesError } from '../wire/errors.ts'
import { parseExact, stringifyExact } from '../wire/exactJson.ts'
import { decode } from '../wire/lenient.ts'
import { randomId } from '../wire/values.ts'
import { Blueprint, blueprintView, checkAgainst, Definition, definitionView, sameSpec } from './forms.ts'

/** How often reconcilers look without being asked, seconds. */
const RECONCILE_SECONDS = 60

interface Reconciler {
  type: string
  functionName: string
}

export class Blueprints {
  constructor(
    private readonly context: Pick<ApiContext, 'read' | 'writer' | 'now'>,
    private readonly submission: Submission,
    private readonly crons: Crons,
  ) {}

  // Definitions ------------------------------------------------------------------------------------------------------

  /** @throws ColoniesError 500 when the name is taken */
  async define(colony: Colony, definition: Definition): Promise<Record<string, unknown>> {
    const row = { publicId: randomId(), name: definition.metadata.name, kind: definition.spec.names.kind, body: stringifyExact(definition) }
    const added = await this.context.writer.exclusive((tx) => rows.insertDefinition(tx, colony.id, row))
    if (!added) throw new ColoniesError(500, `BlueprintDefinition with name <${row.name}> in Colony <${colony.name}> already exists`)
    return definitionView(row.publicId, definition)
  }

  async definitions(colony: Colony): Promise<Record<string, unknown>[]> {
    const found = await rows.listDefinitions(this.context.read, colony.id)
    return found.map(({ publicId, body }) => definitionView(publicId, readDefinition(body)))
  }

  /** @throws ColoniesError 404 */
  async definition(colony: Colony, name: string): Promise<Record<string, unknown>> {
    const { publicId, body } = await this.needDefinition(colony, name)
    return definitionView(publicId, readDefinition(body))
  }

  /** @throws ColoniesError 404, 409 while there are blueprints of its kind */
  async undefine(colony: Colony, name: string): Promise<void> {
    const { id, kind } = await this.needDefinition(colony, name)
    const used = await rows.listBlueprints(this.context.read, colony.id, kind, '')
    if (used.length > 0) throw new ColoniesError(409, `BlueprintDefinition <${name}> is used by ${used.length} blueprints`)
    await this.context.writer.exclusive((tx) => rows.deleteDefinition(tx, id))
  }

  // Blueprints -------------------------------------------------------------------------------------------------------

  /** @throws ColoniesError 400, 409 */
  async add(colony: Colony, blueprint: Blueprint, by: Initiator): Promise<Record<string, unknown>> {
    const { kind, metadata } = blueprint
    if (kind === '') throw new ColoniesError(400, 'kind is missing')
    const definition = await this.definitionFor(colony, kind)
    checkAgainst(definition.spec.schema, blueprint.spec)
    const row = {
      publicId: randomId(),
      colonyId: colony.id,
      name: metadata.name,
      kind,
      location: metadata.locationname,
      generation: metadata.generation,
      body: stringifyExact(blueprint),
    }
    const id = await this.context.writer.exclusive(async (tx) => {
      const added = await rows.insertBlueprint(tx, row)
      if (added === undefined) return undefined
      await rows.insertHistory(tx, added, this.history(blueprint, metadata.generation, by, 'create'))
      if (row.location !== '')
        await rows.insertLocation(tx, colony.id, { publicId: randomId(), name: row.location, description: '', long: 0, lat: 0 })
      return added
    })
    if (id === undefined) throw new ColoniesError(409, `Blueprint with name <${row.name}> in Colony <${colony.name}> already exists`)
    const reconciler = reconcilerOf(definition)
    if (reconciler) {
      await this.ensureCron(colony, row, reconciler, by)
      await this.reconcile(colony, row, reconciler, by, false)
    }
    return blueprintView(row.publicId, blueprint)
  }

  /** @throws ColoniesError 404 */
  async get(colony: Colony, name: string): Promise<Record<string, unknown>> {
    return view(await this.need(colony, name))
  }

  async list(colony: Colony, kind: string, location: string): Promise<Record<string, unknown>[]> {
    return (await rows.listBlueprints(this.context.read, colony.id, kind, location)).map(view)
  }

  /** A new specification, or `force`, is a new generation. @throws ColoniesError 400, 404 */
  async update(colony: Colony, sent: Blueprint, force: boolean, by: Initiator): Promise<Record<string, unknown>> {
    const row = await this.need(colony, sent.metadata.name)
    const before = readBlueprint(row.body)
    const kind = sent.kind || row.kind
    const definition = await this.definitionFor(colony, kind)
    checkAgainst(definition.spec.schema, sent.spec)
    const isNew = force || !sameSpec(before, sent)
    const generation = row.generation + (isNew ? 1 : 0)
    const status = sent.status ?? before.status
    const handler = sent.handler ?? before.handler
    const blueprint: Blueprint = {
      ...sent,
      kind,
      metadata: { ...sent.metadata, generation },
      ...(status !== undefined && { status }),
      ...(handler !== undefined && { handler }),
    }
    const changed = { ...row, kind, location: sent.metadata.locationname, generation, body: stringifyExact(blueprint) }
    await this.context.writer.exclusive(async (tx) => {
      await rows.saveBlueprint(tx, changed)
      if (isNew) await rows.insertHistory(tx, row.id, this.history(blueprint, generation, by, 'update'))
    })
    const reconciler = reconcilerOf(definition)
    if (isNew && reconciler) await this.reconcile(colony, changed, reconciler, by, false)
    return view(changed)
  }

  /** @throws ColoniesError 404 */
  async setStatus(colony: Colony, name: string, status: Record<string, unknown>): Promise<void> {
    const row = await this.need(colony, name)
    const body = stringifyExact({ ...readBlueprint(row.body), status })
    await this.context.writer.exclusive((tx) => rows.saveBlueprint(tx, { ...row, body }))
  }

  /** @throws ColoniesError 400 without a handler, 404 */
  async reconcileNow(colony: Colony, name: string, force: boolean, by: Initiator): Promise<WireProcess> {
    const row = await this.need(colony, name)
    const blueprint = readBlueprint(row.body)
    const reconciler = reconcilerOf(await this.definitionFor(colony, row.kind), blueprint)
    if (!reconciler) throw new ColoniesError(400, 'Blueprint has no handler with executor type defined')
    if (force) {
      const generation = row.generation + 1
      const body = stringifyExact({ ...blueprint, metadata: { ...blueprint.metadata, generation } })
      await this.context.writer.exclusive((tx) => rows.saveBlueprint(tx, { ...row, generation, body }))
    }
    return this.reconcile(colony, row, reconciler, by, force)
  }

  /** @throws ColoniesError 404 */
  async remove(colony: Colony, name: string, by: Initiator): Promise<void> {
    const row = await this.need(colony, name)
    const definition = await rows.definitionOfKind(this.context.read, colony.id, row.kind)
    await this.context.writer.exclusive((tx) => rows.deleteBlueprint(tx, row.id))
    const others = await rows.listBlueprints(this.context.read, colony.id, row.kind, row.location)
    if (!others.some(({ location }) => location.toLowerCase() === row.location.toLowerCase())) {
      const cron = this.crons.of(colony).find((each) => each.name === cronName(row))
      if (cron) await this.crons.remove(cron)
    }
    const type = definition && readDefinition(definition.body).spec.handler.executorType
    if (type) {
      const kwargs = { blueprintName: row.name, kind: row.kind }
      await this.submission.process(colony, processSpec(colony, row, { type, functionName: 'cleanup' }, kwargs), by)
    }
  }

  /** @throws ColoniesError 404 */
  async historyOf(row: rows.BlueprintRow, colonyName: string, limit: number): Promise<Record<string, unknown>[]> {
    const found = await rows.historyOf(this.context.read, row.id, limit > 0 ? limit : 1_000_000)
    return found.map(({ publicId, generation, spec, status, at, changedBy, change }) => ({
      historyid: publicId,
      blueprintid: row.publicId,
      kind: row.kind,
      namespace: colonyName,
      name: row.name,
      generation,
      spec: parseExact(spec),
      ...(status !== null && { status: parseExact(status) }),
      timestamp: new Date(at).toISOString(),
      changedby: changedBy,
      changetype: change,
    }))
  }

  /** Definitions and blueprints for people, with what is JSON as a text. */
  async overview(colony: Colony): Promise<{ definitions: BlueprintDefinition[]; items: ColonyBlueprint[] }> {
    const [definitions, blueprints] = await Promise.all([
      rows.listDefinitions(this.context.read, colony.id),
      rows.listBlueprints(this.context.read, colony.id, '', ''),
    ])
    return {
      definitions: definitions.map(({ name, kind, body }) => {
        const { spec } = readDefinition(body)
        return { name, kind, executorType: spec.handler.executorType, spec: stringifyExact(spec) }
      }),
      items: blueprints.map(({ name, kind, location, generation, body }) => {
        const { spec, status } = readBlueprint(body)
        return { name, kind, location, generation, spec: stringifyExact(spec), status: status ? stringifyExact(status) : null }
      }),
    }
  }

  /** The newest first; `spec` is JSON. @throws ColoniesError 404 */
  async generations(colony: Colony, name: string, limit: number): Promise<Omit<rows.HistoryRow, 'publicId' | 'status'>[]> {
    const { id } = await this.need(colony, name)
    const found = await rows.historyOf(this.context.read, id, limit)
    return found.map(({ generation, change, at, changedBy, spec }) => ({ generation, change, at, changedBy, spec }))
  }

  /** @throws ColoniesError 404 */
  async needById(id: string): Promise<rows.BlueprintRow> {
    const row = await rows.blueprintById(this.context.read, id)
    if (!row) throw new ColoniesError(404, 'Blueprint not found')
    return row
  }

  private async need(colony: Colony, name: string): Promise<rows.BlueprintRow> {
    const row = await rows.findBlueprint(this.context.read, colony.id, name)
    if (!row) throw new ColoniesError(404, `Blueprint with name <${name}> not found`)
    return row
  }

  private async needDefinition(colony: Colony, name: string): Promise<rows.DefinitionRow> {
    const row = await rows.findDefinition(this.context.read, colony.id, name)
    if (!row) throw new ColoniesError(404, `BlueprintDefinition with name <${name}> not found`)
    return row
  }

  private async definitionFor(colony: Colony, kind: string): Promise<Definition> {
    const row = await rows.definitionOfKind(this.context.read, colony.id, kind)
    if (!row) throw new ColoniesError(400, `BlueprintDefinition for kind '${kind}' not found in namespace '${colony.name}'`)
    return readDefinition(row.body)
  }

  private reconcile(
    colony: Colony,
    row: Pick<rows.BlueprintRow, 'name' | 'kind' | 'location'>,
    reconciler: Reconciler,
    by: Initiator,
    force: boolean,
  ) {
    // As a text: the models of pycolonies know no true and false here.
    const kwargs = { kind: row.kind, blueprintName: row.name, ...(force && { force: 'true' }) }
    return this.submission.process(colony, processSpec(colony, row, reconciler, kwargs), by)
  }

  private async ensureCron(
    colony: Colony,
    row: Pick<rows.BlueprintRow, 'name' | 'kind' | 'location'>,
    reconciler: Reconciler,
    by: Initiator,
  ): Promise<void> {
    const name = cronName(row)
    if (this.crons.of(colony).some((cron) => cron.name === name)) return
    const spec = processSpec(colony, row, reconciler, { kind: row.kind })
    const workflow = stringifyExact({ colonyname: colony.name, functionspecs: [spec] })
    await this.crons.add(colony, { name, expression: '', interval: RECONCILE_SECONDS, random: false, workflow, waitForPrevious: true }, by)
  }

  private history({ spec, status }: Blueprint, generation: number, by: Initiator, change: 'create' | 'update'): rows.HistoryRow {
    return {
      publicId: randomUUID(),
      generation,
      spec: stringifyExact(spec),
      status: status === undefined ? null : stringifyExact(status),
      at: this.context.now(),
      changedBy: by.id,
      change,
    }
  }
}

/** Texts are the dialect's own. */
function readDefinition(body: string): Definition {
  return decode(Definition, parseExact(body))
}

function readBlueprint(body: string): Blueprint {
  return decode(Blueprint, parseExact(body))
}

function view({ publicId, body }: rows.BlueprintRow): Record<string, unknown> {
  return blueprintView(publicId, readBlueprint(body))
}

/** The definition's, else the blueprint's own. */
function reconcilerOf({ spec }: Definition, blueprint?: Blueprint): Reconciler | undefined {
  const { executorType, functionName } = spec.handler
  if (executorType !== '' && (functionName !== '' || blueprint)) return { type: executorType, functionName: functionName || 'reconcile' }
  const own = blueprint?.handler
  return own && own.executortype !== '' ? { type: own.executortype, functionName: own.functionname || 'reconcile' } : undefined
}

function cronName({ kind, location }: Pick<rows.BlueprintRow, 'kind' | 'location'>): string {
  return `reconcile-${kind}${location === '' ? '' : `-${location}`}`
}

function processSpec(
  colony: Colony,
  { location }: Pick<rows.BlueprintRow, 'location'>,
  { type, functionName }: Reconciler,
  kwargs: Record<string, unknown>,
): FuncSpec {
  return decode(FuncSpec, {
    nodename: `${type}-${functionName}`,
    funcname: functionName,
    kwargs,
    maxexectime: -1,
    maxretries: -1,
    conditions: { colonyname: colony.name, executortype: type, locationname: location },
  })
}
