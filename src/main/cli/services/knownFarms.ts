/**
 * Which data folders held a farm when this user last ran a manager, in a file outside of them: a folder that is gone as a whole (a disk that
 * is not mounted, a wrong path) would otherwise silently begin an empty farm. A first start is not hindered, and what cannot be
 * remembered is not checked.
 */
import { readFile, realpath, stat } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, resolve, sep } from 'node:path'
import { ensureDir } from '../../system/ensureDir.ts'
import { writeFileAtomic } from '../../system/wholeFiles.ts'
import { DATABASE, problemOf } from '../../store/guard/dataFolder.ts'
import { FailedError } from '../errors.ts'

const MAX_KNOWN = 100

export class KnownFarms {
  private readonly file: string
  private readonly isChosen: boolean

  constructor(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform) {
    this.isChosen = env['FRAMEHOUSE_CONFIG'] !== undefined && env['FRAMEHOUSE_CONFIG'] !== ''
    this.file = join(configFolder(env, platform), 'farms.json')
  }

  /** @throws FailedError when a farm was in the folder and nothing of it is there */
  async assertNotGone(dataDir: string): Promise<void> {
    const folder = resolve(dataDir)
    const startedAt = (await this.read())[folder]
    if (startedAt === undefined || (await exists(join(folder, DATABASE))) || (await problemOf(folder)) !== undefined) return
    throw new FailedError(
      `the data folder ${folder} held a farm, last started at ${startedAt}, and nothing of it is there now. Mount its disk, put it back, or ` +
        'restore a backup into it (framehouse restore). To begin a new farm there, start with --new',
      'farm-gone',
    )
  }

  /** The folder holds a farm. Never fails: a home that cannot be written costs only the check. */
  async note(dataDir: string, now: number): Promise<void> {
    const folder = resolve(dataDir)
    // What is in a temporary folder is meant to go.
    if (!this.isChosen && (await isTemporary(folder))) return
    try {
      const others = Object.entries(await this.read()).filter(([other]) => other !== folder)
      const known = [...others.slice(1 - MAX_KNOWN), [folder, new Date(now).toISOString()]]
      await ensureDir(dirname(this.file), 0o700)
      await writeFileAtomic(this.file, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`, 0o600)
    } catch {
      // As explained above.
    }
  }

  private async read(): Promise<Record<string, string>> {
    try {
      const content: unknown = JSON.parse(await readFile(this.file, 'utf8'))
      if (typeof content !== 'object' || content === null) return {}
      return Object.fromEntries(Object.entries(content).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
    } catch {
      return {}
    }
  }
}

/** Where the system keeps programs' settings; never in a data folder. */
function configFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  const chosen = env['FRAMEHOUSE_CONFIG']
  if (chosen) return resolve(chosen)
  if (platform === 'win32') return join(env['APPDATA'] || join(homedir(), 'AppData', 'Roaming'), 'Framehouse')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Preferences', 'Framehouse')
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'framehouse')
}

async function isTemporary(folder: string): Promise<boolean> {
  const [real, temporary] = await Promise.all([folder, tmpdir()].map((path) => realpath(path).catch(() => path)))
  return `${real}${sep}`.startsWith(`${temporary}${sep}`)
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
