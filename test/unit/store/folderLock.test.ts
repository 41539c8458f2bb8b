import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { FolderInUseError, lockFolder } from '../../../src/main/store/folderLock.ts'

it('lets one manager at a time have a data folder', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'framehouse-lock-'))
  try {
    const folder = join(parent, 'farm')
    const unlock = await lockFolder(folder)
    await expect(lockFolder(folder)).rejects.toThrow(FolderInUseError)
    await unlock()
    await (
      await lockFolder(folder)
    )()
  } finally {
    await rm(parent, { recursive: true })
  }
})
