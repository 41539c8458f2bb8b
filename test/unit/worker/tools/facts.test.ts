import { describe, expect, it } from 'vitest'
import { jobEnvironment } from '../../../../src/main/worker/tools/process/environment.ts'
import { parseMacDisplays, parseWindowsDisplays } from '../../../../src/main/worker/tools/machine/displays.ts'
import { colourLayers, exrChannels, pictureLayer } from '../../../../src/main/worker/tools/pictures/exrHeader.ts'
import { parseNvidia } from '../../../../src/main/worker/tools/machine/gpus.ts'
import { limiter } from '../../../../src/main/worker/tools/limiter.ts'
import { cpuShare, parseVmStat } from '../../../../src/main/worker/tools/machine/load.ts'
import { parseStat, withDescendants } from '../../../../src/main/worker/tools/process/procfs.ts'

describe('parseStat', () => {
  it('reads past a name with blanks and brackets', () => {
    const text = '77 (a (b) c) S 12 70 70 0 -1 4194304 100 0 0 0 11 22 3 4 20 0 1 0 98765 1000 25 18446744073709551615\n'
    expect(parseStat(text)).toEqual({ pid: 77, state: 'S', parent: 12, group: 70, cpuTicks: 40, startTicks: '98765', residentPages: 25 })
  })

  it('answers nothing for a process that is gone', () => {
    expect(parseStat('')).toBeUndefined()
  })
})

it('withDescendants follows parents through all generations, and ends where they form a circle', () => {
  const facts = (pid: number, parent: number) => ({ pid, parent, group: 0, state: 'S', startTicks: '', cpuTicks: 0, residentPages: 0 })
  const all = [facts(2, 1), facts(3, 2), facts(4, 3), facts(9, 1), facts(5, 6), facts(6, 5)]
  expect([...withDescendants([2], all)].toSorted()).toEqual([2, 3, 4])
  expect([...withDescendants([5], all)].toSorted()).toEqual([5, 6])
})

describe('jobEnvironment', () => {
  const hidden = { FRAMEHOUSE_HOME: 'x', AWS_SECRET_ACCESS_KEY: 's', DB_PASSWORD: 'p', NODE_OPTIONS: '-r x', GITHUB_TOKEN: 't' }
  const own = { PATH: '/bin', HOME: '/home/a', ...hidden }

  it('leaves out what is ours and what looks like a secret', () => {
    expect(jobEnvironment(own, {}, 'linux')).toEqual({ PATH: '/bin', HOME: '/home/a' })
  })

  it('lets what the task brings win, in any case of letters on Windows', () => {
    expect(jobEnvironment({ Path: 'C:\\a' }, { PATH: 'C:\\b' }, 'win32')).toEqual({ PATH: 'C:\\b' })
    expect(jobEnvironment({ Path: '/a' }, { PATH: '/b' }, 'linux')).toEqual({ Path: '/a', PATH: '/b' })
  })
})

describe('parseNvidia', () => {
  it('reads one card a line and leaves null what a card does not tell', () => {
    expect(parseNvidia('NVIDIA RTX A4000, 16376, 1024, 37, 55\nTesla T4, 15360, [N/A], [N/A], 40\n\n')).toEqual([
      { name: 'NVIDIA RTX A4000', memoryBytes: 16376 * 1048576, memoryUsed: 1024 * 1048576, load: 0.37, temperature: 55 },
      { name: 'Tesla T4', memoryBytes: 15360 * 1048576, memoryUsed: null, load: null, temperature: 40 },
    ])
  })
})

describe('names of graphics cards', () => {
  const card = (name: string, memoryBytes: number | null) => ({ name, memoryBytes, memoryUsed: null, load: null, temperature: null })

  it('come from macOS', () => {
    const text = '{"SPDisplaysDataType":[{"_name":"kHW","sppci_model":"Apple M3 Max","spdisplays_ndrvs":[]},{"_name":"x"}]}'
    expect(parseMacDisplays(text)).toEqual([card('Apple M3 Max', null)])
  })

  it('come from Windows, one or several, with the memory that 32 bits can tell', () => {
    expect(parseWindowsDisplays('{"Name":"Intel UHD","AdapterRAM":1073741824}')).toEqual([card('Intel UHD', 1073741824)])
    expect(parseWindowsDisplays('[{"Name":"RTX 4090","AdapterRAM":4293918720},{"Name":"","AdapterRAM":null}]')).toEqual([
      card('RTX 4090', null),
    ])
  })
})

describe('cpuShare', () => {
  it.each([
    [{ busy: 10, total: 100 }, { busy: 60, total: 200 }, 0.5],
    [{ busy: 10, total: 100 }, { busy: 10, total: 100 }, null],
    [{ busy: 10, total: 100 }, { busy: 5, total: 200 }, 0],
  ])('%j → %j is %s', (before, after, share) => {
    expect(cpuShare(before, after)).toBe(share)
  })
})

describe('memory of macOS', () => {
  const text = [
    'Mach Virtual Memory Statistics: (page size of 16384 bytes)',
    'Pages free:                                1000.',
    'Pages active:                            300000.',
    'Pages inactive:                            2000.',
    'Pages speculative:                           30.',
    'Pages throttled:                              0.',
    'Pages wired down:                        100000.',
    '"Translation faults":                1234567890.',
  ]

  it('counts what is not held as free', () => expect(parseVmStat(text.join('\n'))).toBe(3030 * 16384))
  it.each(['', 'command not found', text.slice(0, 2).join('\n')])('is not told by %j', (answer) =>
    expect(parseVmStat(answer)).toBeUndefined(),
  )
})

describe('pictureLayer', () => {
  it.each([
    [['A', 'B', 'G', 'R'], ''],
    [['View.Combined.A', 'View.Combined.B', 'View.Combined.G', 'View.Combined.R', 'View.Depth.Z'], 'View.Combined'],
    [['View.DiffCol.B', 'View.DiffCol.G', 'View.DiffCol.R', 'View.Combined.B', 'View.Combined.G', 'View.Combined.R'], 'View.Combined'],
    [['beauty.B', 'beauty.G', 'beauty.R'], 'beauty'],
    [['Y'], undefined],
    [['Z', 'View.Normal.R'], undefined],
  ])('%j', (channels, layer) => {
    expect(pictureLayer(channels)).toBe(layer)
  })

  it('is not led astray by bytes that are no EXR', () => {
    expect(exrChannels(Buffer.from('not an image at all'))).toBeUndefined()
    const start = Buffer.from([0x76, 0x2f, 0x31, 0x01, 2, 0, 0, 0])
    const tooLong = Buffer.concat([start, Buffer.from('a\0box2i\0'), Buffer.from([255, 255, 255, 127])])
    expect(exrChannels(start)).toBeUndefined()
    expect(exrChannels(tooLong)).toBeUndefined()
  })
})

describe('limiter', () => {
  it('keeps to its number, goes in order and survives failures', async () => {
    const limit = limiter(2)
    let running = 0
    let most = 0
    const order: number[] = []
    const work = (id: number) =>
      limit(async () => {
        running += 1
        most = Math.max(most, running)
        await Promise.resolve()
        await Promise.resolve()
        order.push(id)
        running -= 1
        if (id === 3) throw new Error('three')
        return id
      })
    const ends = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(work))
    expect(most).toBe(2)
    expect(order).toEqual([1, 2, 3, 4, 5, 6])
    expect(ends.map((end) => end.status === 'fulfilled')).toEqual([true, true, false, true, true, true])
  })
})

it.each<[string[], string[]]>([
  [['R', 'G', 'B', 'A'], ['']],
  [
    ['View.Combined.R', 'View.Combined.G', 'View.Combined.B', 'View.Normal.X', 'View.Normal.Y', 'View.Normal.Z', 'View.Depth.Z'],
    ['View.Combined', 'View.Normal'],
  ],
  [['a.R', 'a.G', 'R', 'G', 'B'], ['']],
  [['N.X', 'N.Y', 'N.Z'], ['N']],
  [['Y'], []],
])('the layers to look at of %j are %j', (channels, layers) => {
  expect(colourLayers(channels)).toEqual(layers)
})
