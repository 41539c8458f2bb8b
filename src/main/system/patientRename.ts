/** Renames that wait for readers: Windows refuses to move a file while another program (a viewer, a virus scanner) has it open. */
import { rename } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Error codes for "the file is open in another program". On POSIX systems the last two are a matter of permissions,
 * which waiting does not fix.
 */
const BUSY = new Set(process.platform === 'win32' ? ['EBUSY', 'EPERM', 'EACCES'] : ['EBUSY', 'ETXTBSY'])
const TRIES = 12
const LONGEST_PAUSE_MS = 1_000

/** Renames, and replaces what has that name. @throws NodeJS errors, those of a busy file after about eight seconds */
export async function patientRename(from: string, to: string): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      return await rename(from, to)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      if (!BUSY.has(code) || tried === TRIES) throw error
      await pause(Math.min(LONGEST_PAUSE_MS, 25 * 2 ** tried))
    }
  }
}
