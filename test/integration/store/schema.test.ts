import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SCHEMA_FILE, schemaText } from '../../../scripts/lib/schemaText.ts'

it('the schema in the repository is that of a new farm (`npm run schema` writes it)', async () => {
  const kept = await readFile(join(import.meta.dirname, '../../..', SCHEMA_FILE), 'utf8')
  expect(kept).toBe(await schemaText())
})
