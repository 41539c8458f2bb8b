/** The inputs from which a command makes its files, as far as they are known. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import type { InputFile, Inputs } from '../../../../shared/schemas/jobs/existing.ts'

/** SHA-256 of a value's JSON; objects must always be built with their keys in the same order. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}

/** The files among these words: whole words, or after a `=`. Omits words that name no file; does not examine a folder's content. */
export async function namedFiles(words: readonly string[], cwd: string): Promise<InputFile[]> {
  const candidates = new Set(words.flatMap((word) => [word, word.slice(word.indexOf('=') + 1)]).filter((word) => /[\\/.]/.test(word)))
  const found = await Promise.all([...candidates].map((word) => inputFile(isAbsolute(word) ? word : resolve(cwd, word))))
  return found.filter((file) => file !== undefined).toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/** Size and time of a file; undefined when there is none. */
export async function inputFile(path: string): Promise<InputFile | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? { path, bytes: found.size, modifiedAt: Math.trunc(found.mtimeMs) } : undefined
}

/** A program that does not report its version is identified by its file. */
export async function programByFile(exe: string): Promise<Pick<Inputs, 'program'>> {
  const file = await inputFile(exe)
  return file === undefined ? {} : { program: `${file.path} of ${file.bytes} bytes, ${new Date(file.modifiedAt).toISOString()}` }
}
