/** Spelling of fields: camelCase for clients, snake_case in searches and for servers set so. Pure. */
export type Case = 'camel' | 'snake'

export const toSnake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
export const toCamel = (name: string): string => name.replace(/(?<=[a-z0-9])_([a-z])/g, (_match, letter: string) => letter.toUpperCase())

/**
 * An object as it is shown: names of its own fields in the server's spelling; in camelCase, fields without a value are
 * left out. What is inside of fields stays as it is. @param view with names in camelCase
 */
export function shown(view: Readonly<Record<string, unknown>>, spelling: Case): Record<string, unknown> {
  const entries = Object.entries(view)
  if (spelling === 'camel') return Object.fromEntries(entries.filter(([, value]) => value !== null && value !== undefined))
  return Object.fromEntries(entries.map(([name, value]) => [name === '_links' ? name : toSnake(name), value ?? null]))
}
