/** JSON numbers reach further than integers that JavaScript and SQLite count exactly. What lies beyond is refused at the door. */

/** Bounds every integer of a schema that names no bounds of its own. Changes the schema, so that the API's description says it, too. */
export function boundIntegers(schema: unknown, seen = new Set<object>()): void {
  if (typeof schema !== 'object' || schema === null || seen.has(schema)) return
  seen.add(schema)
  if (Reflect.get(schema, 'type') === 'integer') {
    if (Reflect.get(schema, 'maximum') === undefined) Reflect.set(schema, 'maximum', Number.MAX_SAFE_INTEGER)
    if (Reflect.get(schema, 'minimum') === undefined) Reflect.set(schema, 'minimum', Number.MIN_SAFE_INTEGER)
    return
  }
  for (const part of Object.values(schema)) boundIntegers(part, seen)
}
