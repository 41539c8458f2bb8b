/** The Electron entry: everything is in desktop/shell.ts. */
import { app } from 'electron'
import { startShell } from './desktop/shell.ts'

startShell().catch((error: unknown) => {
  process.stderr.write(`framehouse: ${error instanceof Error ? error.message : String(error)}\n`)
  app.exit(1)
})
