/** A data folder that is gone as a whole, with the built manager. */
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { KnownFarms } from '../../../src/main/cli/services/knownFarms.ts'
import { ensureBuilt, Program } from '../../support/program.ts'

beforeAll(() => ensureBuilt())

async function folderOfTest(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-known-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('a manager', () => {
  it('begins no new farm where one was that is gone, unless it is asked to; a first start needs nothing', async () => {
    const folder = await folderOfTest()
    const data = join(folder, 'disk', 'farm')
    const start = (...more: string[]) =>
      Program.start(['manager', '--data', data, '--listen', '127.0.0.1:0', '--trust-loopback', ...more], {
        env: { FRAMEHOUSE_CONFIG: join(folder, 'config') },
      })
    const runs = async (program: Program): Promise<void> => {
      await program.prints(/http:/)
      expect((await program.stop()).code).toBe(0)
    }
    await runs(start())
    await runs(start())

    await rename(join(folder, 'disk'), join(folder, 'unmounted'))
    const refused = await start().ended
    expect(refused.code).toBe(1)
    expect(refused.err).toContain(`the data folder ${data} held a farm, last started at 20`)
    expect(refused.err).toContain('--new')
    // Nothing was made where the disk belongs: it can be mounted.
    await expect(readFile(join(folder, 'disk'))).rejects.toThrow('ENOENT')
    await mkdir(data, { recursive: true })
    expect((await start().ended).code).toBe(1)
    await rm(join(folder, 'disk'), { recursive: true })

    await rename(join(folder, 'unmounted'), join(folder, 'disk'))
    await runs(start())
    await rm(join(folder, 'disk'), { recursive: true })
    await runs(start('--new'))
    await runs(start())
  }, 120_000)

  it('remembers nothing of temporary folders, and starts without a home that it can write', async () => {
    const folder = await folderOfTest()
    const known = new KnownFarms({ XDG_CONFIG_HOME: join(folder, 'config') }, 'linux')
    await known.note(join(folder, 'farm'), 0)
    await expect(readFile(join(folder, 'config', 'framehouse', 'farms.json'))).rejects.toThrow('ENOENT')
    const nowhere = new KnownFarms({ FRAMEHOUSE_CONFIG: '/proc/nowhere' }, 'linux')
    await nowhere.note('/srv/farm', 0)
    await nowhere.assertNotGone('/srv/farm')
  })
})
