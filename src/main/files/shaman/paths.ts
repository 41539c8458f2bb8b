/** Names of checkouts and of the files in them: which ones clients may choose. Pure. (Flamenco §10.3) */
import path from 'node:path'
import { InvalidInputError } from '../../engine/base/errors.ts'

/** The folder that checkouts lie in. */
export function checkoutRoot(root: string): string {
  return path.join(root, 'jobs')
}

/** Control characters, and what Windows or a URL cannot have in a name. */
const FORBIDDEN_IN_CHECKOUT = /[\u0000-\u001f\u007f?*:;{}\\]/
const FORBIDDEN_IN_FILE = /[\u0000-\u001f\u007f\\]/

/** @throws InvalidInputError unless it is a relative path of proper names that stays below the checkout root */
export function assertCheckoutPath(checkoutPath: string): void {
  assertRelative(checkoutPath, 'checkoutPath')
  if (FORBIDDEN_IN_CHECKOUT.test(checkoutPath)) {
    throw new InvalidInputError(
      'checkoutPath',
      `checkoutPath "${checkoutPath}" has a character that is not allowed in it: ? * : ; { } \\ or a control character`,
    )
  }
}

/** @throws InvalidInputError unless it is a relative path that stays inside its checkout */
export function assertFilePath(filePath: string, field: string): void {
  assertRelative(filePath, field)
  if (FORBIDDEN_IN_FILE.test(filePath))
    throw new InvalidInputError(field, `${field} "${filePath}" has a backslash or control character in it`)
  if (/^[A-Za-z]:/.test(filePath)) throw new InvalidInputError(field, `${field} "${filePath}" starts with a drive letter`)
}

function assertRelative(value: string, field: string): void {
  if (value === '') throw new InvalidInputError(field, `${field} is empty`)
  for (const part of value.split(/[/\\]/)) {
    if (part === '') throw new InvalidInputError(field, `${field} "${value}" must be relative, without empty parts`)
    if (part === '.' || part === '..') throw new InvalidInputError(field, `${field} "${value}" must not contain "${part}" as a part`)
  }
}
