/**
 * Running programs, one small file each in `<data>/processes/`, so that the next start of a killed worker ends what it
 * left behind before it takes work: no frame is rendered twice at the same time. A file exists before its program does, under the
 * program's cookie, so that a kill at any moment is covered; it records the root's pid and start mark once they are known.
 */
import { readFile, readdir, rm } from 'node:fs/promises'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessLedger, ProcessTools } from '../contract/commands.ts'
import type { Logger } from '../../../shared/logger.ts'
import { ensureDir } from '../../system/ensureDir.ts'

export interface LedgerOptions {
  dataDir: string
  processes: ProcessTools
  log: Logger
}

/** Ends the programs of an earlier run that still live, and what they left behind. Returns how many runs that was. */
export async function endLeftovers(options: LedgerOptions): Promise<number> {
  const directory = ledgerFolder(options.dataDir)
  await ensureDir(directory, 0o700)
  let ended = 0
  for (const cookie of await readdir(directory)) {
    const path = join(directory, cookie)
    if (await endRun(cookie, await readFile(path, 'utf8').catch(() => ''), options)) {
      options.log.warn({ cookie }, 'ended processes that an earlier run of this worker left behind')
      ended++
    }
    await rm(path, { force: true })
  }
  return ended
}

/** Whether anything of it lived. */
async function endRun(cookie: string, content: string, { processes }: LedgerOptions): Promise<boolean> {
  const [, pid = '', mark] = /^(\d+) (.+)\n/.exec(content) ?? []
  // Without the mark it could be any process by now: process ids are reused.
  const isSame = mark !== undefined && (await processes.startMark(Number(pid))) === mark
  if (isSame) await processes.killTree(Number(pid), { cookie })
  // Its root may be gone while its children live on.
  const leftGroup = mark !== undefined && !isSame && (await processes.killGroupOf(Number(pid), mark))
  return (await processes.killMarked(cookie)) || isSame || leftGroup
}

/** The ledger of this run. */
export function openLedger(options: LedgerOptions): ProcessLedger {
  const directory = ledgerFolder(options.dataDir)
  const living = new Set<string>()
  const attempt = (what: string, action: () => void) => {
    try {
      action()
    } catch (error) {
      options.log.warn({ err: error }, `cannot ${what} the list of running processes`)
    }
  }
  const write = (cookie: string, content: string) =>
    attempt('write to', () => writeFileSync(join(directory, cookie), content, { mode: 0o600 }))
  return {
    starting(cookie) {
      living.add(cookie)
      write(cookie, '')
    },
    started(cookie, pid) {
      void options.processes
        .startMark(pid)
        .then((mark) => {
          if (mark !== undefined && living.has(cookie)) write(cookie, `${pid} ${mark}\n`)
        })
        .catch((error: unknown) => options.log.warn({ err: error, pid }, 'cannot tell when a process started'))
    },
    ended(cookie) {
      living.delete(cookie)
      attempt('remove from', () => rmSync(join(directory, cookie), { force: true }))
    },
  }
}

function ledgerFolder(dataDir: string): string {
  return join(dataDir, 'processes')
}
