/** Folders of frames as the manager and its workers name them. */
import { stat } from 'node:fs/promises'
import type { PromisedFrame } from '../../../shared/frames/blenderOutputs.ts'
import type { VariableSettings } from '../../engine/compile/variables.ts'
import { sharedFile, type FileHost } from '../sharedFiles.ts'

/** Whether the manager itself may and can read the folder: it exists, in the shared storage or under a two-way variable. */
export async function isSharedFolder(folder: string, settings: VariableSettings, host: FileHost): Promise<boolean> {
  const real = await sharedFile(folder, settings, host)
  return real !== undefined && (await stat(real).catch(() => undefined))?.isDirectory() === true
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

/**
 * Checks whether folders are shared when many callers ask about few folders (a hundred workers, each with the next
 * frame of one job). A caller that asks during a check waits for the next one: an answer is never older than its
 * question.
 */
export class SharedFolders {
  private readonly asked = new Map<string, { now: Promise<boolean>; next: Promise<boolean> | undefined }>()

  constructor(private readonly look: (folder: string) => Promise<boolean>) {}

  isShared(folder: string): Promise<boolean> {
    const running = this.asked.get(folder)
    if (running === undefined) return this.begin(folder)
    const again = (): Promise<boolean> => this.begin(folder)
    return (running.next ??= running.now.then(again, again))
  }

  private begin(folder: string): Promise<boolean> {
    const now = this.look(folder).finally(() => {
      if (this.asked.get(folder)?.next === undefined) this.asked.delete(folder)
    })
    this.asked.set(folder, { now, next: undefined })
    return now
  }
}
