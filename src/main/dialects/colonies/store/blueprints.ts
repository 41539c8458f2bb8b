/** Rows of blueprint definitions, blueprints with their history, and locations. */
import type { Connection, ReadDatabase } from '../../../store/connection.ts'

export interface DefinitionRow {
  id: number
  publicId: string
  name: string
  kind: string
  /** JSON as the client sent it. */
  body: string
}

const DEFINITION = 'select id, public_id as publicId, name, kind, body from colonies_definitions'

/** False: the name is taken. */
export async function insertDefinition(tx: Connection, colonyId: number, row: Omit<DefinitionRow, 'id'>): Promise<boolean> {
  const { changes } = await tx.run(
    'insert or ignore into colonies_definitions (public_id, colony_id, name, kind, body) values (?, ?, ?, ?, ?)',
    [row.publicId, colonyId, row.name, row.kind, row.body],
  )
  return changes > 0
}

export function listDefinitions(db: ReadDatabase, colonyId: number): Promise<DefinitionRow[]> {
  return db.all(`${DEFINITION} where colony_id = ? order by name`, [colonyId])
}

export function findDefinition(db: ReadDatabase, colonyId: number, name: string): Promise<DefinitionRow | undefined> {
  return db.get(`${DEFINITION} where colony_id = ? and name = ?`, [colonyId, name])
}

/** @param kind `spec.names.kind` */
export function definitionOfKind(db: ReadDatabase, colonyId: number, kind: string): Promise<DefinitionRow | undefined> {
  return db.get(`${DEFINITION} where colony_id = ? and kind = ? order by id limit 1`, [colonyId, kind])
}

export async function deleteDefinition(tx: Connection, id: number): Promise<void> {
  await tx.run('delete from colonies_definitions where id = ?', [id])
}

export interface BlueprintRow {
  id: number
  publicId: string
  colonyId: number
  name: string
  kind: string
  location: string
  generation: number
  /** JSON: metadata, spec, status, handler. */
  body: string
}

const BLUEPRINT = 'select id, public_id as publicId, colony_id as colonyId, name, kind, location, generation, body from colonies_blueprints'

/** Undefined: the name is taken. */
export async function insertBlueprint(tx: Connection, row: Omit<BlueprintRow, 'id'>): Promise<number | undefined> {
  const { changes, lastId } = await tx.run(
    'insert or ignore into colonies_blueprints (public_id, colony_id, name, kind, location, generation, body) values (?, ?, ?, ?, ?, ?, ?)',
    [row.publicId, row.colonyId, row.name, row.kind, row.location, row.generation, row.body],
  )
  return changes > 0 ? lastId : undefined
}

export async function saveBlueprint(tx: Connection, { id, kind, location, generation, body }: BlueprintRow): Promise<void> {
  await tx.run('update colonies_blueprints set kind = ?, location = ?, generation = ?, body = ? where id = ?', [
    kind,
    location,
    generation,
    body,
    id,
  ])
}

export async function deleteBlueprint(tx: Connection, id: number): Promise<void> {
  await tx.run('delete from colonies_blueprints where id = ?', [id])
}

export function findBlueprint(db: ReadDatabase, colonyId: number, name: string): Promise<BlueprintRow | undefined> {
  return db.get(`${BLUEPRINT} where colony_id = ? and name = ?`, [colonyId, name])
}

export function blueprintById(db: ReadDatabase, publicId: string): Promise<BlueprintRow | undefined> {
  return db.get(`${BLUEPRINT} where public_id = ?`, [publicId])
}

/** Empty: any. Locations match whatever their case. */
export function listBlueprints(db: ReadDatabase, colonyId: number, kind: string, location: string): Promise<BlueprintRow[]> {
  return db.all(`${BLUEPRINT} where colony_id = ?1 and (?2 = '' or kind = ?2) and (?3 = '' or lower(location) = lower(?3)) order by name`, [
    colonyId,
    kind,
    location,
  ])
}

export interface HistoryRow {
  publicId: string
  generation: number
  spec: string
  status: string | null
  at: number
  changedBy: string
  change: string
}

export async function insertHistory(tx: Connection, blueprintId: number, row: HistoryRow): Promise<void> {
  await tx.run(
    'insert into colonies_history (public_id, blueprint_id, generation, spec, status, at, changed_by, change) values (?, ?, ?, ?, ?, ?, ?, ?)',
    [row.publicId, blueprintId, row.generation, row.spec, row.status, row.at, row.changedBy, row.change],
  )
}

/** The newest first. */
export function historyOf(db: ReadDatabase, blueprintId: number, limit: number): Promise<HistoryRow[]> {
  return db.all(
    `select public_id as publicId, generation, spec, status, at, changed_by as changedBy, change from colonies_history
     where blueprint_id = ? order by id desc limit ?`,
    [blueprintId, limit],
  )
}

export interface LocationRow {
  publicId: string
  name: string
  description: string
  long: number
  lat: number
}

/** False: the name is taken. */
export async function insertLocation(tx: Connection, colonyId: number, row: LocationRow): Promise<boolean> {
  const { changes } = await tx.run(
    'insert or ignore into colonies_locations (public_id, colony_id, name, description, long, lat) values (?, ?, ?, ?, ?, ?)',
    [row.publicId, colonyId, row.name, row.description, row.long, row.lat],
  )
  return changes > 0
}

export function listLocations(db: ReadDatabase, colonyId: number): Promise<LocationRow[]> {
  return db.all('select public_id as publicId, name, description, long, lat from colonies_locations where colony_id = ? order by name', [
    colonyId,
  ])
}

/** False: there is none. */
export async function deleteLocation(tx: Connection, colonyId: number, name: string): Promise<boolean> {
  const { changes } = await tx.run('delete from colonies_locations where colony_id = ? and name = ?', [colonyId, name])
  return changes > 0
}
