/** Which Electron the desktop program is tested and measured with. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
const PROGRAMS: Partial<Record<NodeJS.Platform, string>> = {
  win32: 'electron.exe',
  darwin: 'Electron.app/Contents/MacOS/Electron',
}

/** Where the runtime is expected: what FRAMEHOUSE_ELECTRON names, else the installed one. `import 'electron'` without it would start a download. */
function expectedElectron(env: NodeJS.ProcessEnv): string {
  return env['FRAMEHOUSE_ELECTRON'] || join(root, 'node_modules', 'electron', 'dist', PROGRAMS[process.platform] ?? 'electron')
}

/** The runtime's program; empty when there is none. */
export function findElectron(env: NodeJS.ProcessEnv = process.env): string {
  const path = expectedElectron(env)
  return existsSync(path) ? path : ''
}

/** What is missing when findElectron finds nothing, and what to do about it: one sentence. */
export function electronMissing(env: NodeJS.ProcessEnv = process.env): string {
  return (
    `There is no Electron runtime at ${expectedElectron(env)}: install it (npm rebuild electron), ` +
    `or name the program of another one in FRAMEHOUSE_ELECTRON, e.g. FRAMEHOUSE_ELECTRON=$(.ci/old-electron).`
  )
}
