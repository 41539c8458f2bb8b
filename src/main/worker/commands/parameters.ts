/** Reading a command's parameters: checked against its schema, with failures that name the parameter. */
import { type Static, type TObject, Type } from 'typebox'
import Value from 'typebox/value'
import type { Command } from '../contract/commands.ts'
import { InvalidParameterError } from '../contract/commands.ts'

/** A list of words; what is no string in it is written as one (`47` becomes "47"), as job-type scripts rely on. */
export const Words = Type.Optional(Type.Array(Type.Unknown()))

/**
 * The parameters as the schema describes them. Numbers may come as floats that are whole; null counts as missing where a
 * parameter may be missing. Parameters that the schema does not know are ignored: newer job types send them.
 * @throws InvalidParameterError
 */
export function readParameters<Schema extends TObject>(schema: Schema, command: Command): Static<Schema> {
  const given = Object.entries(command.parameters)
  const parameters: unknown = Object.fromEntries(given.filter(([name, value]) => value !== null || isRequired(schema, name)))
  if (Value.Check(schema, parameters)) return parameters
  for (const error of Value.Errors(schema, parameters)) {
    const missing = missingParameter(error)
    const name = missing ?? error.instancePath.split('/')[1] ?? ''
    const what = missing === undefined ? `${error.message}, but it is ${describe(command.parameters[name])}` : 'is missing'
    throw new InvalidParameterError(name, `command "${command.name}": parameter "${name}" ${what}`)
  }
  throw new InvalidParameterError('', `command "${command.name}": its parameters are of the wrong form`)
}

function isRequired(schema: TObject, name: string): boolean {
  return schema.required?.includes(name) ?? false
}

function missingParameter(error: { keyword: string; params: object }): string | undefined {
  if (error.keyword !== 'required' || !('requiredProperties' in error.params)) return undefined
  const { requiredProperties } = error.params
  return Array.isArray(requiredProperties) ? String(requiredProperties[0]) : undefined
}

/** A value as part of a sentence, cut where it is long. */
function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** The strings of a word list; a missing one is empty. */
export function words(list: readonly unknown[] | undefined): string[] {
  return (list ?? []).map((word) => (typeof word === 'string' ? word : typeof word === 'object' ? JSON.stringify(word) : String(word)))
}

/** Throws an InvalidParameterError for what a schema cannot say. */
export function refuse(command: Command, parameter: string, why: string): never {
  throw new InvalidParameterError(parameter, `command "${command.name}": parameter "${parameter}" ${why}`)
}
