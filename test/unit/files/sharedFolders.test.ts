import { describe, expect, it } from 'vitest'
import { SharedFolders } from '../../../src/main/files/looks/folders.ts'
import type { FolderPlace } from '../../../src/main/files/sharedFiles.ts'
import { deferred } from '../../../src/shared/async.ts'

describe('Asking whether a folder is shared', () => {
  it('shares an answer among those who asked before the look began, and gives no caller an older one', async () => {
    const looks: ReturnType<typeof deferred<FolderPlace>>[] = []
    const folders = new SharedFolders(() => {
      const look = deferred<FolderPlace>()
      looks.push(look)
      return look.promise
    })
    const first = folders.isShared('/a')
    const others = [folders.isShared('/a'), folders.isShared('/a')]
    expect(looks).toHaveLength(1)
    looks[0]?.resolve('missing')
    expect(await first).toBe(false)
    await expect.poll(() => looks.length).toBe(2)
    const last = folders.isShared('/a')
    looks[1]?.resolve('shared')
    expect(await Promise.all(others)).toEqual([true, true])
    await expect.poll(() => looks.length).toBe(3)
    looks[2]?.resolve('missing')
    expect(await last).toBe(false)
    void folders.isShared('/a')
    expect(looks).toHaveLength(4)
  })

  it('keeps folders apart, and asks again after an error', async () => {
    const asked: string[] = []
    const folders = new SharedFolders((folder) => {
      asked.push(folder)
      return folder === '/broken' ? Promise.reject(new Error('no disk')) : Promise.resolve<FolderPlace>('shared')
    })
    const broken = [folders.isShared('/broken'), folders.isShared('/broken')]
    expect(await folders.isShared('/a')).toBe(true)
    expect((await Promise.allSettled(broken)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(asked).toEqual(['/broken', '/a', '/broken'])
  })

  it('remembers for a second that a folder is outside, and nothing else', async () => {
    let time = 0
    let place: FolderPlace = 'missing'
    const folders = new SharedFolders(
      () => Promise.resolve(place),
      () => time,
    )
    for (const other of ['missing', 'shared'] as const) {
      place = other
      await folders.isShared('/a')
      expect(folders.isOutside('/a')).toBe(false)
    }
    place = 'outside'
    await folders.isShared('/a')
    time += 999
    expect(folders.isOutside('/a')).toBe(true)
    expect(folders.isOutside('/b')).toBe(false)
    time += 1
    expect(folders.isOutside('/a')).toBe(false)
    await folders.isShared('/a')
    place = 'shared'
    await folders.isShared('/a')
    expect(folders.isOutside('/a')).toBe(false)
  })

  it('forgets it with the settings that it went by, those of a look that is running too', async () => {
    const look = deferred<FolderPlace>()
    const folders = new SharedFolders((folder) => (folder === '/slow' ? look.promise : Promise.resolve<FolderPlace>('outside')))
    const slow = folders.isShared('/slow')
    await folders.isShared('/a')
    folders.forget()
    look.resolve('outside')
    await slow
    expect([folders.isOutside('/a'), folders.isOutside('/slow')]).toEqual([false, false])
  })
})
