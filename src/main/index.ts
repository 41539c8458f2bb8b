/** The Electron entry: everything is in desktop/shell.ts. */
import { app, dialog } from 'electron'
import { startShell } from './desktop/shell.ts'

startShell().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`framehouse: ${message}\n`)
  dialog.showErrorBox('Framehouse cannot start', message)
  app.exit(1)
})
