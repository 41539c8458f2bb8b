/** `npm run schema`: writes docs/internals/schema.sql. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SCHEMA_FILE, schemaText } from './lib/schemaText.ts'

await writeFile(join(import.meta.dirname, '..', SCHEMA_FILE), await schemaText())
process.exit(0)
