import { describe, expect, it } from 'vitest'
import { SharedFolders } from '../../../src/main/files/looks/folders.ts'
import { deferred } from '../../../src/shared/async.ts'

describe('Asking whether a folder is shared', () => {
  it('shares an answer among those who asked before the look began, and gives no caller an older one', async () => {
    const looks: ReturnType<typeof deferred<boolean>>[] = []
    const folders = new SharedFolders(() => {
      const look = deferred<boolean>()
      looks.push(look)
      return look.promise
    })
    const first = folders.isShared('/a')
    const others = [folders.isShared('/a'), folders.isShared('/a')]
    expect(looks).toHaveLength(1)
    looks[0]?.resolve(false)
    expect(await first).toBe(false)
    await expect.poll(() => looks.length).toBe(2)
    const last = folders.isShared('/a')
    looks[1]?.resolve(true)
    expect(await Promise.all(others)).toEqual([true, true])
    await expect.poll(() => looks.length).toBe(3)
    looks[2]?.resolve(false)
    expect(await last).toBe(false)
    void folders.isShared('/a')
    expect(looks).toHaveLength(4)
  })

  it('keeps folders apart, and asks again after an error', async () => {
    const asked: string[] = []
    const folders = new SharedFolders((folder) => {
      asked.push(folder)
      return folder === '/broken' ? Promise.reject(new Error('no disk')) : Promise.resolve(true)
    })
    const broken = [folders.isShared('/broken'), folders.isShared('/broken')]
    expect(await folders.isShared('/a')).toBe(true)
    expect((await Promise.allSettled(broken)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(asked).toEqual(['/broken', '/a', '/broken'])
  })
})
