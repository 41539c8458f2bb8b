/** Default data folders of manager and worker. Pure. */
import { posix, win32 } from 'node:path'

/**
 * The system's usual place for a program's data, per user: `~/.local/share/framehouse`,
 * `~/Library/Application Support/Framehouse`, `%LOCALAPPDATA%\Framehouse`.
 */
export function defaultDataFolder(platform: NodeJS.Platform, env: NodeJS.ProcessEnv, home: string): string {
  if (platform === 'win32') return win32.join(env['LOCALAPPDATA'] || win32.join(home, 'AppData', 'Local'), 'Framehouse')
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support', 'Framehouse')
  return posix.join(env['XDG_DATA_HOME'] || posix.join(home, '.local', 'share'), 'framehouse')
}
