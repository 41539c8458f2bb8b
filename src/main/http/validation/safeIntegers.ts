/**
 * JSON numbers can be larger than the integers that JavaScript and SQLite represent exactly. Larger integers are
 * rejected here.
 */

/**
 * Bounds every integer of a schema that has no bounds of its own. Changes the schema, so that the API's description
 * shows the bounds.
 */
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
