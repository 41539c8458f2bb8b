/**
 * Which children run, one small file each in `<data>/processes/`, so that the next start of a killed worker ends what it
 * left behind before it takes work: no frame is rendered twice at once.
 */
import { mkdir, readFile, readdir, rm } from 'node:fs/promises'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessLedger, ProcessTools } from './commands/types.ts'
import type { Logger } from './logger.ts'

export interface LedgerOptions {
  dataDir: string
  processes: ProcessTools
  log: Logger
}

/** Ends the children of an earlier run that still live. Returns how many there were. */
export async function endLeftovers(options: LedgerOptions): Promise<number> {
  const directory = ledgerFolder(options.dataDir)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  let ended = 0
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    const pid = Number(name)
    const mark = (await readFile(path, 'utf8').catch(() => '')).trim()
    // Without the mark it could be anybody's process by now (the worker died in the moment of starting it).
    if (Number.isSafeInteger(pid) && mark !== '' && (await options.processes.startMark(pid)) === mark) {
      options.log.warn({ pid }, 'ending a process that an earlier run of this worker left behind')
      await options.processes.killTree(pid)
      ended++
    }
    await rm(path, { force: true })
  }
  return ended
}

/** The ledger of this run. A file is written as soon as the child's start mark is known, a few milliseconds after its start. */
export function openLedger(options: LedgerOptions): ProcessLedger {
  const directory = ledgerFolder(options.dataDir)
  const living = new Set<number>()
  const attempt = (what: string, action: () => void) => {
    try {
      action()
    } catch (error) {
      options.log.warn({ err: error }, `cannot ${what} the list of running processes`)
    }
  }
  return {
    started(pid) {
      living.add(pid)
      void options.processes
        .startMark(pid)
        .then((mark) => {
          if (mark === undefined || !living.has(pid)) return
          attempt('write to', () => writeFileSync(join(directory, String(pid)), `${mark}\n`, { mode: 0o600 }))
        })
        .catch((error: unknown) => options.log.warn({ err: error, pid }, 'cannot tell when a process started'))
    },
    ended(pid) {
      living.delete(pid)
      attempt('remove from', () => rmSync(join(directory, String(pid)), { force: true }))
    },
  }
}

function ledgerFolder(dataDir: string): string {
  return join(dataDir, 'processes')
}
