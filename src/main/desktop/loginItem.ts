/** Starting with the user's session. Windows and macOS have it in Electron; on Linux it is a file of the desktop's autostart folder. */
import { existsSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { app } from 'electron'

/** Given at such a start: the window stays closed until it is asked for. */
export const HIDDEN_ARG = '--hidden'

/** How the program is started again: itself; run from a clone, Electron with the folder of our code. */
export function ownCommand(
  program: Pick<typeof app, 'isPackaged' | 'getAppPath'> = app,
  execPath: string = process.execPath,
): [string, ...string[]] {
  return program.isPackaged ? [execPath] : [execPath, program.getAppPath()]
}

/** An entry of the XDG autostart specification. Pure. */
export function autostartEntry(command: readonly string[]): string {
  // Reserved characters of the specification's Exec key: quoted, and escaped within the quotes; % starts a field code.
  const quoted = command.map(
    (part) =>
      `"${part
        .replace(/(["`$\\])/g, '\\$1')
        .replace(/\\/g, '\\\\')
        .replace(/%/g, '%%')}"`,
  )
  return ['[Desktop Entry]', 'Type=Application', 'Name=Framehouse', `Exec=${quoted.join(' ')}`, 'Terminal=false', ''].join('\n')
}

/** @throws Error when the autostart folder cannot be written */
export function setStartAtLogin(wanted: boolean, env: NodeJS.ProcessEnv = process.env): void {
  const [program, ...args] = [...ownCommand(), HIDDEN_ARG] as const
  if (process.platform !== 'linux') {
    app.setLoginItemSettings({ openAtLogin: wanted, path: program, args })
    return
  }
  const folder = join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'autostart')
  const file = join(folder, 'framehouse.desktop')
  if (!wanted) {
    if (existsSync(file)) unlinkSync(file)
    return
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, autostartEntry([program, ...args]))
}
