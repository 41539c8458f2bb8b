import { chmodSync, closeSync, copyFileSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { checkBlender } from '../../../src/main/dialects/flamenco/blenderFinder.ts'

// The same happens with batch files on Windows: the system's answer comes as an exception and not with the callback.
it.skipIf(process.platform !== 'linux')('a program that cannot even be started is not usable, and no error of the manager', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'framehouse-finder-'))
  const program = join(folder, 'blender')
  copyFileSync('/bin/true', program)
  chmodSync(program, 0o755)
  const writing = openSync(program, 'r+')
  try {
    const check = await checkBlender(program, { platform: 'linux', env: {} })
    expect(check).toMatchObject({ path: program, is_usable: false })
    expect(check.cause).toContain('ETXTBSY')
  } finally {
    closeSync(writing)
    rmSync(folder, { recursive: true, force: true })
  }
})
