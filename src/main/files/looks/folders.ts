/** Folders of frames as the manager and its workers name them. */
import type { PromisedFrame } from '../../../shared/frames/blenderOutputs.ts'
import type { VariableSettings } from '../../engine/compile/variables.ts'
import { pathHere, placeOfFolder, type FileHost, type FolderPlace } from '../sharedFiles.ts'

/** Whether the manager itself may and can read the folder: it exists, in the shared storage or under a two-way variable. */
export async function isSharedFolder(folder: string, settings: VariableSettings, host: FileHost): Promise<boolean> {
  return (await placeOfFolder(folder, settings, host)) === 'shared'
}

/** Frames by their folders, with the folders in another notation. */
export function inFolders(promised: readonly PromisedFrame[], name: (folder: string) => string): Map<string, PromisedFrame[]> {
  const folders = new Map<string, PromisedFrame[]>()
  const names = new Map<string, string>()
  for (const frame of promised) {
    let folder = names.get(frame.folder)
    if (folder === undefined) names.set(frame.folder, (folder = name(frame.folder)))
    const known = folders.get(folder) ?? []
    known.push({ ...frame, folder })
    folders.set(folder, known)
  }
  return folders
}

/** How long a folder counts as outside: in this time after a person connected a disk, frames there may still count as unchecked. */
const OUTSIDE_MS = 1_000
/** More folders than that are of jobs that ended. */
const MAX_REMEMBERED = 1_000

/**
 * Checks whether folders are shared when many callers ask about few folders (a hundred workers, each with the next
 * frame of one job). A caller that asks during a check waits for the next one: an answer is never older than its
 * question. Only that a folder is outside, which no worker can change, is remembered for a moment: most farms without
 * shared storage then hand out and complete tasks without touching a disk.
 */
export class SharedFolders {
  private readonly asked = new Map<string, { now: Promise<boolean>; next: Promise<boolean> | undefined }>()
  /** Folders that were outside, and when that was determined. */
  private readonly outside = new Map<string, number>()
  /** Counts the changes of settings: a look that began before the last one says nothing about now. */
  private changes = 0

  /** @param now milliseconds of a monotonic clock */
  constructor(
    private readonly look: (folder: string) => Promise<FolderPlace>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether the folder was found outside a moment ago. False: ask. */
  isOutside(folder: string): boolean {
    const since = this.outside.get(folder)
    return since !== undefined && this.now() - since < OUTSIDE_MS
  }

  /** The settings changed: what was outside may not be. */
  forget(): void {
    this.changes++
    this.outside.clear()
  }

  isShared(folder: string): Promise<boolean> {
    const running = this.asked.get(folder)
    if (running === undefined) return this.begin(folder)
    const again = (): Promise<boolean> => this.begin(folder)
    return (running.next ??= running.now.then(again, again))
  }

  private begin(folder: string): Promise<boolean> {
    const since = this.now()
    const { changes } = this
    const now = this.look(folder)
      .then((place) => {
        if (this.outside.size >= MAX_REMEMBERED) this.outside.clear()
        if (place === 'outside' && changes === this.changes) this.outside.set(folder, since)
        else this.outside.delete(folder)
        return place === 'shared'
      })
      .finally(() => {
        if (this.asked.get(folder)?.next === undefined) this.asked.delete(folder)
      })
    this.asked.set(folder, { now, next: undefined })
    return now
  }
}

/** The same for the promised frames of tasks, under the farm's current settings. */
export class FrameFolders {
  private readonly folders: SharedFolders
  /** The settings that what is remembered goes by. */
  private basis: { variables: VariableSettings['variables']; shaman: boolean; storage: string } | undefined

  constructor(
    private readonly settings: () => VariableSettings,
    private readonly host: () => FileHost,
  ) {
    this.folders = new SharedFolders((folder) => placeOfFolder(folder, settings(), host()))
  }

  /** Whether all folders of the frames were found outside a moment ago. @param platform of the worker whose notation they have */
  areOutside(promised: readonly PromisedFrame[], platform: string): boolean {
    const settings = this.settings()
    const host = this.host()
    this.noteSettings(settings, host)
    let known: string | undefined
    for (const { folder } of promised) {
      if (folder === known) continue
      if (!this.folders.isOutside(pathHere(folder, platform, settings, host))) return false
      known = folder
    }
    return true
  }

  /** The same for folders in the manager's notation. */
  allOutside(folders: Iterable<string>): boolean {
    this.noteSettings(this.settings(), this.host())
    for (const folder of folders) if (!this.folders.isOutside(folder)) return false
    return true
  }

  /** The frames by their folders in the manager's notation. */
  of(promised: readonly PromisedFrame[], platform: string): Map<string, PromisedFrame[]> {
    const settings = this.settings()
    const host = this.host()
    return inFolders(promised, (folder) => pathHere(folder, platform, settings, host))
  }

  /** @param folder in the manager's notation */
  isShared(folder: string): Promise<boolean> {
    this.noteSettings(this.settings(), this.host())
    return this.folders.isShared(folder)
  }

  private noteSettings({ variables, shamanEnabled }: VariableSettings, { storagePath }: FileHost): void {
    const { basis } = this
    if (basis?.variables === variables && basis.shaman === shamanEnabled && basis.storage === storagePath) return
    this.basis = { variables, shaman: shamanEnabled, storage: storagePath }
    this.folders.forget()
  }
}
