/** Files of every format that Blender writes, made by one start of it (test/assets/save_pictures.py). */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const SCRIPT = join(import.meta.dirname, '..', 'assets', 'save_pictures.py')

/** Each picture of that folder is 64 × 48 pixels, each movie has 5 of them. Made once per machine and content of the script. */
export async function savedPictures(blender: string): Promise<string> {
  const hash = createHash('sha256').update(readFileSync(SCRIPT)).update(blender).digest('hex')
  const folder = join(tmpdir(), `framehouse-pictures-${hash.slice(0, 16)}`)
  if (existsSync(folder)) return folder
  const made = await mkdtemp(join(tmpdir(), 'framehouse-pictures-'))
  try {
    await promisify(execFile)(blender, ['--background', '--factory-startup', '--python-exit-code', '1', '--python', SCRIPT, '--', made])
    // Another test file may have been faster.
    await rename(made, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(made, { recursive: true, force: true })
  }
  return folder
}
