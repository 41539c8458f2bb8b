import { describe, expect, it } from 'vitest'
import { parseAddress, showAddress } from '../../../src/main/cli/services/address.ts'
import { CliError, UsageError } from '../../../src/main/cli/errors.ts'
import { defaultDataFolder } from '../../../src/main/cli/services/folders.ts'
import { ago, bytes, duration, printable, ratio } from '../../../src/main/cli/output/format.ts'
import { connection, shownAddress } from '../../../src/main/cli/client/http.ts'
import { onlyOne } from '../../../src/main/cli/client/ids.ts'
import { defaultName, settingsFromWords } from '../../../src/main/cli/client/jobSettings.ts'
import { tlsSetup } from '../../../src/main/cli/parsing/serviceOptions.ts'
import { nearest } from '../../../src/main/cli/parsing/nearest.ts'
import { table } from '../../../src/main/cli/output/output.ts'
import { barLine } from '../../../src/main/cli/output/progress.ts'
import { exitCodeOf, shareDone } from '../../../src/main/cli/client/watch.ts'
import type { JobTypeInfo } from '../../../src/shared/schemas/jobs/jobType.ts'

describe('addresses', () => {
  it.each([
    ['127.0.0.1:9000', { host: '127.0.0.1', port: 9000 }],
    ['0.0.0.0', { host: '0.0.0.0', port: 8080 }],
    ['9000', { host: '127.0.0.1', port: 9000 }],
    [':9000', { host: '127.0.0.1', port: 9000 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['farm.local:80', { host: 'farm.local', port: 80 }],
  ])('%s', (text, address) => expect(parseAddress(text, '--listen')).toEqual(address))

  it.each(['', 'a:b', '1.2.3.4:99999', 'http://x:1', '::1', 'a b:1', '1:2:3'])('refuses "%s"', (text) => {
    expect(() => parseAddress(text, '--listen')).toThrow(UsageError)
  })

  it('shows IPv6 in brackets', () => expect(showAddress({ host: '::1', port: 1 })).toBe('[::1]:1'))
})

describe('where to listen for https', () => {
  const context = { cwd: '/farm' }
  it.each([
    [{}, undefined],
    [{ tls: '0.0.0.0' }, { host: '0.0.0.0', port: 8443 }],
    [
      { tls: ':9443', 'tls-cert': 'a.pem', 'tls-key': '/k.pem' },
      { host: '127.0.0.1', port: 9443, files: { certFile: '/farm/a.pem', keyFile: '/k.pem' } },
    ],
  ])('%j', (options, setup) => expect(tlsSetup(context, options)).toEqual(setup))

  it.each([
    [{ tls: '8443', 'tls-cert': 'a.pem' }, /--tls-cert requires --tls-key/],
    [{ tls: '8443', 'tls-key': 'a.pem' }, /--tls-key requires --tls-cert/],
    [{ 'tls-cert': 'a.pem', 'tls-key': 'k.pem' }, /--tls-cert requires --tls HOST:PORT/],
    [{ tls: 'a:b' }, /--tls must have the form HOST:PORT/],
  ])('refuses %j', (options, words) => expect(() => tlsSetup(context, options)).toThrow(words))
})

describe("the manager's address", () => {
  const signal = new AbortController().signal
  it.each([
    ['http://farm:8080', 'http://farm:8080/'],
    ['farm:8080', 'http://farm:8080/'],
    ['https://farm/k/secret', 'https://farm/k/secret/'],
    ['http://farm:8080/?a=1#b', 'http://farm:8080/'],
  ])('%s', (text, href) => expect(connection(text, undefined, signal).base.href).toBe(href))

  it.each(['ftp://farm', 'http://', 'http://a b'])('refuses "%s"', (text) => {
    expect(() => connection(text, undefined, signal)).toThrow(/--manager must/)
  })

  it('hides a key', () => expect(shownAddress(new URL('http://farm:8080/k/secret/'))).toBe('http://farm:8080/k/…'))
})

describe('job settings', () => {
  const type: JobTypeInfo = {
    name: 'render',
    label: 'Render',
    etag: 'x',
    settings: [
      { key: 'blendfile', type: 'string' },
      { key: 'audio', type: 'string', subtype: 'file_path' },
      { key: 'out', type: 'string', subtype: 'dir_path' },
      { key: 'frames', type: 'string' },
      { key: 'chunk', type: 'int32' },
      { key: 'scale', type: 'float' },
      { key: 'fast', type: 'bool' },
    ],
  }
  const read = (key: string, word: string) => settingsFromWords(type, new Map([[key, word]]), '/home/anna')[key]

  it.each([
    ['blendfile', 'shot.blend', '/home/anna/shot.blend'],
    ['blendfile', '/farm/shot.blend', '/farm/shot.blend'],
    ['blendfile', '{jobs}/shot.blend', '{jobs}/shot.blend'],
    ['blendfile', 'C:\\shot.blend', 'C:\\shot.blend'],
    ['audio', 'a.wav', '/home/anna/a.wav'],
    ['out', '//render', '//render'],
    ['frames', '1-10', '1-10'],
    ['chunk', '10', 10],
    ['chunk', '-3', -3],
    ['scale', '0.5', 0.5],
    ['scale', '1e2', 100],
    ['fast', 'Yes', true],
    ['fast', '0', false],
  ])('%s=%s', (key, word, value) => expect(read(key, word)).toBe(value))

  it.each([
    ['chunk', '1.5', /--set chunk must be a whole number/],
    ['scale', 'big', /--set scale must be a number/],
    ['scale', '', /--set scale must be a number/],
    ['fast', 'maybe', /--set fast must be true or false/],
    ['fast', 'constructor', /--set fast must be true or false/],
    ['blendfil', 'x', /no setting "blendfil". Did you mean "blendfile"\?/],
    ['zzzzzzzz', 'x', /Available settings: blendfile, audio, out, frames, chunk, scale, fast\./],
  ])('refuses %s=%s, with the exit code of a wrong value', (key, word, says) => {
    expect(() => read(key, word)).toThrow(says)
    expect(() => read(key, word)).toThrow(expect.objectContaining({ exitCode: 7, field: key }))
  })
})

describe("a job's name when none is given", () => {
  const type: JobTypeInfo = {
    name: 'render',
    label: 'Render',
    etag: 'x',
    settings: [
      { key: 'out', type: 'string', subtype: 'dir_path' },
      { key: 'made', type: 'string', subtype: 'file_path', editable: false },
      { key: 'sound', type: 'string', subtype: 'file_path' },
      { key: 'blendfile', type: 'string' },
    ],
  }
  it.each([
    [{ out: '/a/out', made: '/a/####', sound: '/a/s.wav', blendfile: '/a/shot.v2.blend' }, 'shot.v2'],
    [{ out: '/a/out', made: '/a/####', sound: 'C:\\a\\s.wav' }, 's'],
    [{ blendfile: '{jobs}/.hidden' }, '.hidden'],
    [{ out: '/a/out', made: '/a/####', blendfile: '' }, 'Render'],
    [{ sound: '/a/shot/{frame:06}.png' }, 'Render'],
  ])('%j → %s', (settings, name) => expect(defaultName(type, settings)).toBe(name))
})

describe('nearest', () => {
  it.each([
    ['wrokers', ['workers', 'worker'], 'workers'],
    ['priorty', ['priority', 'project'], 'priority'],
    ['prio', ['priority', 'project'], 'priority'],
    ['zzz', ['priority', 'project'], undefined],
    ['x', ['y'], 'y'],
  ])('%s among %j is %s', (word, known, near) => expect(nearest(word, known)).toBe(near))
})

describe("an id's beginning", () => {
  const all = [
    { id: 'abcd0000-0000-4000-8000-000000000000', name: 'one' },
    { id: 'abce0000-0000-4000-8000-000000000000', name: 'two' },
  ]
  it('finds the only one', () => expect(onlyOne('job', 'ABCD', all)).toBe(all[0]?.id))
  it('refuses one that several share, and lists them', () => {
    const twins = [...all, { id: 'abcd0000-1111-4000-8000-000000000000', name: 'twin' }]
    expect(() => onlyOne('job', 'abcd', twins)).toThrow(/several ids:[\s\S]*one[\s\S]*twin/)
  })
  it('refuses what is too short or no id', () => {
    for (const word of ['abc', 'my job', '']) expect(() => onlyOne('job', word, all)).toThrow(UsageError)
  })
  it('says that there is none, with the exit code for it', () => {
    expect(() => onlyOne('job', 'ffff', all)).toThrow(expect.objectContaining({ exitCode: 4 }))
    expect(() => onlyOne('job', 'ffff', all)).toThrow(CliError)
  })
})

describe('what a person reads', () => {
  it.each([
    [0, '0.0 s'],
    [1_440, '1.4 s'],
    [59_960, '1 min 00 s'],
    [125_000, '2 min 05 s'],
    [3 * 3_600_000 + 12 * 60_000, '3 h 12 min'],
    [50 * 3_600_000, '2 d 2 h'],
  ])('duration of %i ms', (ms, text) => expect(duration(ms)).toBe(text))

  const now = Date.parse('2026-05-10T12:00:00Z')
  it.each([
    [null, ''],
    ['2026-05-10T11:59:50Z', 'just now'],
    ['2026-05-10T11:55:00Z', '5 min ago'],
    ['2026-05-10T14:00:00Z', 'in 2 h'],
    ['2026-05-01T12:00:00Z', '2026-05-01'],
  ])('time %s', (time, text) => expect(ago(time, now)).toBe(text))

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [999_600, '1.0 MB'],
    [1_440_000, '1.4 MB'],
    [250_000_000, '250 MB'],
  ])('%i bytes', (count, text) => expect(bytes(count)).toBe(text))

  it('counts', () => expect([ratio(1, 3), ratio(0, 0)]).toEqual(['1 / 3 (33 %)', '0 / 0']))

  it("makes control characters of others' texts harmless", () => {
    expect(printable('a\u001b[31mb\nc\u0007')).toBe('a\ufffd[31mb c\ufffd')
  })
})

describe('tables', () => {
  const columns = [
    { title: 'ID', value: (row: { id: string; name: string }) => row.id },
    { title: 'NAME', value: (row: { id: string; name: string }) => row.name, shrinks: true },
    { title: 'N', value: () => '7', align: 'right' as const },
  ]
  const rows = [{ id: 'abc', name: 'a rather long name of a job' }]

  it('keeps everything without a width', () => {
    expect(table(columns, rows, Infinity, false)).toBe('ID   NAME                         N\nabc  a rather long name of a job  7\n')
  })
  it('cuts the columns that may shrink to fit', () => {
    const text = table(columns, rows, 24, false)
    expect(text).toContain('…')
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(24)
  })
  it('colours states without breaking the columns', () => {
    const states = [
      { title: 'STATUS', value: (word: string) => word, state: true },
      { title: 'X', value: () => 'x' },
    ]
    expect(table(states, ['failed', 'completed'], Infinity, true)).toBe(
      'STATUS     X\n\u001b[31mfailed\u001b[0m     x\n\u001b[32mcompleted\u001b[0m  x\n',
    )
  })

  it('measure what a terminal shows: wide characters take two columns and are never cut in half', () => {
    const names = [
      { title: 'NAME', value: (name: string) => name, shrinks: true },
      { title: 'N', value: () => '1' },
    ]
    expect(table(names, ['日本', 'abcd'], Infinity, false)).toBe('NAME  N\n日本  1\nabcd  1\n')
    expect(table(names, ['雪'.repeat(10)], 15, false)).toBe(`NAME          N\n${'雪'.repeat(5)}…   1\n`)
  })
})

describe('progress', () => {
  it('draws a bar that stays on one line', () => {
    expect(barLine(0.5, '12 frames', 80)).toBe(`[${'█'.repeat(13)}${'░'.repeat(13)}]  50 %  12 frames`)
    expect(barLine(2, 'x'.repeat(200), 40)).toHaveLength(39)
    expect(barLine(NaN, '', 80)).toContain('  0 %')
  })

  const counts = { total: 4, queued: 0, active: 0, completed: 1, failed: 0, canceled: 0, softFailed: 0, paused: 0 }
  it('goes by steps where a job counts them, else by tasks', () => {
    expect(shareDone({ steps: { completed: 3, total: 4 }, counts })).toBe(0.75)
    expect(shareDone({ steps: { completed: 0, total: 0 }, counts })).toBe(0.25)
    expect(shareDone({ steps: { completed: 0, total: 0 }, counts: { ...counts, total: 0 } })).toBe(0)
  })

  it('tells scripts how a job ended', () => {
    expect([exitCodeOf({ status: 'completed' }), exitCodeOf({ status: 'failed' }), exitCodeOf({ status: 'canceled' })]).toEqual([0, 1, 8])
  })
})

describe('data folders', () => {
  it.each([
    ['linux' as const, {}, '/home/anna', '/home/anna/.local/share/framehouse'],
    ['linux' as const, { XDG_DATA_HOME: '/data' }, '/home/anna', '/data/framehouse'],
    ['darwin' as const, {}, '/Users/anna', '/Users/anna/Library/Application Support/Framehouse'],
    ['win32' as const, { LOCALAPPDATA: 'C:\\Local' }, 'C:\\Users\\anna', 'C:\\Local\\Framehouse'],
  ])('on %s', (platform, env, home, folder) => expect(defaultDataFolder(platform, env, home)).toBe(folder))
})
