/** Start at login. Windows and macOS support it through Electron; on Linux it is a file in the desktop's autostart folder. */
import { existsSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { app } from 'electron'

/** Given at such a start: the window stays closed until it is asked for. */
export const HIDDEN_ARG = '--hidden'

/**
 * How the program is started again: itself; run from a clone, Electron with the folder of our code. An AppImage is the file that
 * was started: what runs lies in a mount of it that is gone by then.
 */
export function ownCommand(
  program: Pick<typeof app, 'isPackaged' | 'getAppPath'> = app,
  execPath: string = process.execPath,
  env: NodeJS.ProcessEnv = process.env,
): [string, ...string[]] {
  if (!program.isPackaged) return [execPath, program.getAppPath()]
  const { APPIMAGE: image, APPDIR: mount } = env
  // These variables are inherited, too: by what another AppImage starts.
  return [image && mount && execPath.startsWith(`${mount}/`) ? image : execPath]
}

/**
 * Whether this start was the system's at login: by our argument, or by what macOS says, which starts programs without arguments.
 * Pure but for `openedAtLogin`, which is asked on macOS only.
 */
export function isStartAtLogin(
  args: readonly string[],
  platform: NodeJS.Platform = process.platform,
  openedAtLogin: () => boolean = () => app.getLoginItemSettings().wasOpenedAtLogin,
): boolean {
  return args.includes(HIDDEN_ARG) || (platform === 'darwin' && openedAtLogin())
}

/** Arguments for Windows' list of programs to start, which keeps one command line: with spaces only in quotes. Pure. */
export function windowsArgs(args: readonly string[]): string[] {
  return args.map((arg) => (/[\s"]/.test(arg) || arg === '' ? `"${arg.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"` : arg))
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
    // `path` and `args` are Windows' only.
    app.setLoginItemSettings({ openAtLogin: wanted, path: program, args: windowsArgs(args) })
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
