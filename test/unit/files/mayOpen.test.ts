import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isWithin, mayBeSomethingElse, mayOpen, type OpenFolders } from '../../../src/main/files/mayOpen.ts'
import { isNamedInside, type FileHost } from '../../../src/main/files/sharedFiles.ts'

const inside: OpenFolders = {
  dataFolder: '/farm/data',
  storage: '/farm/data/storage',
  shared: ['/mnt/share'],
  outputs: ['/out/mine'],
  allowed: ['/home/ada/renders'],
}
const beside: OpenFolders = { ...inside, storage: '/mnt/storage' }

describe.skipIf(posix.sep !== '/' || process.platform === 'win32')('what the manager opens because a client named it', () => {
  it.each<[string, string, OpenFolders, boolean]>([
    ["a file of the job's output folder", '/out/mine/0001.png', inside, true],
    ['deep in it', '/out/mine/a/b/0001.png', inside, true],
    ["another job's folder", '/out/others/0001.png', inside, false],
    ['a folder whose name begins alike', '/out/mine2/0001.png', inside, false],
    ['above the output folder', '/out/0001.png', inside, false],
    ['the storage inside the data folder', '/farm/data/storage/jobs/a.png', inside, true],
    ['the storage elsewhere', '/mnt/storage/a.png', beside, true],
    ['under a two-way variable', '/mnt/share/a.png', inside, true],
    ['the database', '/farm/data/framehouse.sqlite', inside, false],
    ['the secret key', '/farm/data/secret.key', inside, false],
    ['previews, past their own routes', '/farm/data/previews/a.png', inside, false],
    ['the data folder itself', '/farm/data', inside, false],
    ['the data folder as an output folder', '/farm/data/secret.key', { ...inside, outputs: ['/farm/data'] }, false],
    ['the data folder in an output folder', '/farm/data/secret.key', { ...inside, outputs: ['/farm'] }, false],
    ['the data folder under a two-way variable', '/farm/data/secret.key', { ...inside, shared: ['/farm'] }, false],
    ['the data folder as the storage', '/farm/data/secret.key', { ...inside, storage: '/farm/data' }, false],
    ['the data folder in the storage', '/farm/data/secret.key', { ...inside, storage: '/farm' }, false],
    ['beside the data folder, in the storage', '/farm/a.png', { ...inside, storage: '/farm' }, true],
    ['a whole disk as an output folder', '/etc/passwd', { ...inside, outputs: ['/'] }, false],
    ['a whole disk that an admin shares', '/any/a.png', { ...inside, shared: ['/'] }, true],
    ['in an allowed folder of its worker', '/home/ada/renders/a.png', inside, true],
    ['beside it', '/home/ada/a.png', inside, false],
    ['the data folder in an allowed folder', '/farm/data/secret.key', { ...inside, allowed: ['/farm'] }, false],
    ['a whole disk that a worker names', '/etc/passwd', { ...inside, allowed: ['/'] }, false],
    ['anything else', '/etc/passwd', inside, false],
    ['a storage that is not there', '/farm/data/storage/a.png', { ...inside, storage: undefined }, false],
  ])('%s: %s', (_, path, folders, may) => expect(mayOpen(path, folders)).toBe(may))

  it.each([
    ['one name', { nlink: 1, mode: 0o100600 }, false],
    ['two names, for its owner only', { nlink: 2, mode: 0o100600 }, true],
    ['two names, for its group, too', { nlink: 2, mode: 0o100640 }, true],
    ['two names, for everyone (a snapshot of hard links)', { nlink: 2, mode: 0o100644 }, false],
  ])('a file with %s', (_, facts, is) => expect(mayBeSomethingElse(facts)).toBe(is))

  it('a name that begins with two dots is inside', () => expect(isWithin('/out/mine/..a.png', '/out/mine')).toBe(true))
})

describe('what another worker is asked to open', () => {
  const host: FileHost = { platform: 'linux', storagePath: '/mnt/storage', dataFolder: '/farm/data' }
  const settings = { variables: { share: { isTwoWay: true, values: [{ platforms: ['all'], value: '/mnt/share' }] } }, shamanEnabled: true }
  const command = (name: string, parameters: Record<string, unknown>) => ({ name, parameters, totalStepCount: 0 })
  const outputs = {
    folder: '/out/mine',
    folderKey: null,
    commands: [
      command('blender-render', { args: ['-b', '-o', '{share}/x/####', '-a'], blendfile: '/blend/a.blend' }),
      command('run-frames', { outputPattern: '/tiles/{frame}/a.png' }),
      command('frames-to-video', { outputFile: '/movies/a.mp4' }),
      command('trace-frames', { outputDir: 'D:\\trace' }),
      command('run-frames', { outputPattern: '/{frame}.png' }),
      command('docker-run', {
        outputPattern: '/in-container/{frame}.png',
        mounts: [
          { source: '/mounted/out', target: '/in-container' },
          { source: '/mounted/read', target: '/read', readOnly: true },
          { source: 'volume', target: '/volume', type: 'volume' },
          { target: '/memory', type: 'tmpfs' },
        ],
      }),
    ],
    allowed: ['/home/ada/renders'],
  }
  it.each([
    ['/out/mine/0001.png', true],
    ['/out/mine/../others/0001.png', false],
    ['/out/others/0001.png', false],
    ['/mnt/storage/a.png', true],
    ['/mnt/share/x/0001.png', true],
    ['/tiles/7/a.png', true],
    ['/movies/a.jpg', true],
    ['D:\\trace\\1.png', true],
    ['D:\\other\\1.png', false],
    ['/blend/a.png', false],
    ['/root/a.png', false],
    ['/mounted/out/deep/1.png', true],
    ['/mounted/read/1.png', false],
    ['/in-container/1.png', false],
    ['/home/ada/renders/1.png', true],
    ['/home/ada/1.png', false],
    ['relative.png', false],
  ])('%s: %s', (path, may) => expect(isNamedInside(path, settings, host, outputs)).toBe(may))
})
