import { describe, expect, it } from 'vitest'
import { consentProblem } from '../../../src/main/docker/runs/consent.ts'
import { wordsOf } from '../../../src/main/docker/errors.ts'
import { OutputSplitter } from '../../../src/main/docker/runs/logs.ts'
import { enginePath, isInside, mountProblem, volumeProblem, workerPath } from '../../../src/main/docker/runs/mounts.ts'
import { createOptions } from '../../../src/main/docker/runs/createOptions.ts'
import type { RunSpec } from '../../../src/main/docker/executor.ts'
import { endOf } from '../../../src/main/docker/runs/completionStream.ts'
import { endedByOutage, signalWords, unseenEndIsLost } from '../../../src/main/docker/runs/outage.ts'
import { parseImageReference } from '../../../src/shared/text/imageReference.ts'
import { NO_USAGE, foldSample } from '../../../src/main/docker/runs/stats.ts'
import { encodeRaw } from '../../../src/main/system/rawText.ts'
import { ContainerOutput } from '../../../src/main/worker/tools/containers/containerOutput.ts'
import { containerConfig } from '../../support/containers.ts'

describe('the name of an image', () => {
  it.each([
    ['ubuntu', 'docker.io', 'ubuntu', 'latest', false],
    ['ubuntu:22.04', 'docker.io', 'ubuntu', '22.04', false],
    ['team/blender:4.2', 'docker.io', 'team/blender', '4.2', false],
    ['reg:5000/x', 'reg:5000', 'reg:5000/x', 'latest', false],
    ['reg:5000/x:1', 'reg:5000', 'reg:5000/x', '1', false],
    ['ghcr.io/a/b@sha256:00', 'ghcr.io', 'ghcr.io/a/b', 'sha256:00', true],
    ['localhost/a:1@sha256:00', 'localhost', 'localhost/a', 'sha256:00', true],
    ['index.docker.io/library/x', 'docker.io', 'index.docker.io/library/x', 'latest', false],
  ])('%s', (image, registry, name, tag, isDigest) => {
    expect(parseImageReference(image)).toEqual({ registry, name, tag, isDigest })
  })
})

describe('mounts', () => {
  it.each([
    ['/a/b', '/a', true],
    ['/a', '/a/', true],
    ['/ab', '/a', false],
    ['/anything', '/', true],
    ['C:\\renders\\x', 'C:/renders', true],
  ])('%s is in %s: %s', (path, folder, expected) => expect(isInside(path, folder)).toBe(expected))

  const allowed = [
    { path: '/renders', readOnly: false },
    { path: '/assets', readOnly: true },
    { path: 'volume:cache', readOnly: false },
  ]
  it.each([
    [['/renders/shot'], false, undefined],
    [['/assets'], true, undefined],
    [['/assets/x'], false, /only for reading/],
    [['/etc'], true, /does not allow mounting "\/etc"; allowed: \/renders, \/assets \(read-only\), volume:cache/],
    [['/renders/link', '/etc/passwd'], true, /"\/etc\/passwd"/],
    [['/renders/../etc'], true, /must not contain/],
  ])('%j, read-only %s', (paths, readOnly, expected) => {
    const problem = mountProblem(paths, readOnly, allowed)
    if (expected === undefined) expect(problem).toBeUndefined()
    else expect(problem).toMatch(expected)
  })

  it('volumes by name', () => {
    expect(volumeProblem('cache', false, allowed)).toBeUndefined()
    expect(volumeProblem('other', false, allowed)).toMatch(/does not allow the volume "other"/)
    expect(volumeProblem('other', false, [{ path: 'volume:*', readOnly: true }])).toMatch(/only for reading/)
  })

  it('paths are translated both ways', () => {
    const mounts = [
      { source: '/renders', target: '/out' },
      { source: '/renders/tmp', target: '/out/tmp' },
      { type: 'tmpfs', target: '/out/mem' },
    ]
    expect(workerPath('/out/a/{frame}.png', mounts)).toBe('/renders/a/{frame}.png')
    expect(workerPath('/out/tmp/x', mounts)).toBe('/renders/tmp/x')
    expect(workerPath('/renders/x', mounts)).toBe('/renders/x')
    expect(enginePath('/mnt/farm/a', [{ worker: '/mnt/farm', engine: '/srv/farm' }])).toBe('/srv/farm/a')
    expect(enginePath('/other', [{ worker: '/mnt/farm', engine: '/srv/farm' }])).toBe('/other')
  })
})

describe('what goes beyond an ordinary container', () => {
  const everything = { privileged: true, hostNamespaces: true, dockerSocket: true, capabilities: true, devices: ['/dev/dri'] }
  const sockets = ['/var/run/docker.sock']
  it.each([
    ['privileged', { privileged: true }, []],
    ['hostPid', { hostPid: true }, []],
    ['network', { network: 'host' }, []],
    ['network', { network: 'container:other' }, []],
    ['addCapabilities', { addCapabilities: ['SYS_ADMIN'] }, []],
    ['devices', { devices: ['/dev/dri/card0'] }, []],
    ['mounts', {}, ['/var/run']],
  ])('%s needs the worker and an administrator', (parameter, asked, sources) => {
    const strict = { config: containerConfig(), isAdminJob: true, sockets }
    expect(consentProblem(asked, sources, strict)).toMatchObject({
      parameter,
      reason: expect.stringContaining('not allowed by this worker'),
    })
    const config = containerConfig({ allow: everything })
    expect(consentProblem(asked, sources, { config, isAdminJob: false, sockets })).toMatchObject({
      parameter,
      reason: expect.stringContaining('administrator'),
    })
    expect(consentProblem(asked, sources, { config, isAdminJob: true, sockets })).toBeUndefined()
  })

  it('other devices, paths that lead out, other networks', () => {
    const all = { config: containerConfig({ allow: everything, networks: ['farm'] }), isAdminJob: true, sockets }
    expect(consentProblem({ devices: ['/dev/sda'] }, [], all)).toMatchObject({ parameter: 'devices' })
    expect(consentProblem({ devices: ['/dev/dri/../sda'] }, [], all)).toMatchObject({ parameter: 'devices' })
    expect(consentProblem({ network: 'farm' }, [], { ...all, isAdminJob: false })).toBeUndefined()
    expect(consentProblem({ network: 'secret' }, [], all)).toMatchObject({ parameter: 'network' })
  })
})

describe('GPUs', () => {
  const spec: RunSpec = {
    name: 'n',
    image: 'i',
    args: [],
    env: [],
    mounts: [],
    labels: {},
    pull: 'missing',
    localFallback: true,
    stopGraceMs: 1000,
  }
  it.each<[RunSpec['gpus'], object | undefined]>([
    [undefined, undefined],
    ['all', { Count: -1 }],
    [2, { Count: 2 }],
    [['0', 'GPU-3a23'], { DeviceIDs: ['0', 'GPU-3a23'] }],
  ])('%j', (gpus, expected) => {
    const { HostConfig } = createOptions({ ...spec, gpus })
    const request = expected && [{ Driver: '', Capabilities: [['gpu']], Options: {}, ...expected }]
    expect(HostConfig?.DeviceRequests).toEqual(request)
  })
})

describe('a container that is found ended after its engine was away', () => {
  const facts = { finishedAt: 100_000, brokeAt: 100_000, liveRestore: false }
  it.each([
    ['was ended with it', {}, true],
    ['ended before, by itself', { finishedAt: 60_000 }, false],
    ['was asked to end just before the connection broke', { finishedAt: 90_000 }, true],
    ['ended in the outage', { finishedAt: 100_001 }, true],
    ['ran on without its daemon', { liveRestore: true, finishedAt: 200_000 }, false],
  ])('%s', (_what, changes, expected) => expect(endedByOutage({ ...facts, ...changes })).toBe(expected))
})

describe('an end that the answering daemon did not see', () => {
  it.each([
    ['while it was followed', 0, false, true],
    ['while it was followed, with a code of its own', 3, false, true],
    ['before anyone looked', 0, true, false],
    ['before anyone looked, with a code of its own', 3, true, false],
    ['before anyone looked, by the signals of a shutdown', 143, true, true],
    ['before anyone looked, by the signals of a shutdown', 137, true, true],
    ['with the whole machine', 255, true, true],
  ])('%s, code %s', (_what, exitCode, wasOverBefore, expected) => expect(unseenEndIsLost({ exitCode, wasOverBefore })).toBe(expected))
})

describe('what the events of a container say of its end', () => {
  const event = (Action: string, Attributes = {}, ms = 0) => ({ Action, Actor: { ID: 'c1', Attributes }, timeNano: ms * 1_000_000 })
  const start = event('start', {}, 1000)
  it.each([
    ['it lives', [start], undefined],
    ['it ended by itself', [start, event('die', { exitCode: '3' }, 5000)], { exitCode: 3, startedAt: 1000, finishedAt: 5000, oom: false }],
    ['one of its processes had no memory', [start, event('oom'), event('die', { exitCode: '1' })], expect.objectContaining({ oom: true })],
    ['it was ended through the engine', [start, event('kill', { signal: '15' }), event('die', { exitCode: '0' })], 'ask'],
    ['it ended as with its machine', [start, event('die', { exitCode: '143' })], 'ask'],
    ['its beginning was missed', [event('die', { exitCode: '0' })], 'ask'],
    ['no exit code is reported', [start, event('die')], 'ask'],
  ])('%s', (_what, events, expected) => expect(endOf(events)).toEqual(expected))
})

describe('an end by a signal that the farm did not send', () => {
  const facts = { exitCode: 137, oomKilled: false, memoryBytes: 1000, signals: [] }
  it.each([
    ['memory ran out, as the engine says', { oomKilled: true }, ''],
    ['memory ran out, and the engine missed it', {}, 'most likely it ran out of memory (limit: 1000 bytes)'],
    ['no limit', { memoryBytes: undefined }, ''],
    ['a signal was sent from outside', { signals: [15, 9] }, 'signal 9 was sent through the Docker engine, not by the farm'],
    ['a signal that it took no notice of', { exitCode: 1, signals: [1] }, ''],
    ['a code of its own', { exitCode: 3 }, ''],
  ])('%s', (_what, changes, expected) => expect(signalWords({ ...facts, ...changes })).toBe(expected))
})

describe('the output of a container', () => {
  const piece = (stream: number, text: string) => {
    const header = Buffer.alloc(8)
    header[0] = stream
    header.writeUInt32BE(Buffer.byteLength(text), 4)
    return Buffer.concat([header, Buffer.from(text)])
  }

  it('is distinguished however the connection cuts it', () => {
    const whole = Buffer.concat([piece(1, 'one\n'), piece(1, 'two\n'), piece(2, 'err\n'), piece(1, ''), piece(1, 'größer\n')])
    for (let size = 1; size <= whole.length; size++) {
      const splitter = new OutputSplitter()
      const text: Record<string, Buffer[]> = { stdout: [], stderr: [] }
      for (let at = 0; at < whole.length; at += size) {
        for (const { stream, bytes } of splitter.push(whole.subarray(at, at + size))) text[stream]?.push(bytes)
      }
      expect(Buffer.concat(text['stdout']!).toString()).toBe('one\ntwo\ngrößer\n')
      expect(Buffer.concat(text['stderr']!).toString()).toBe('err\n')
    }
    expect(new OutputSplitter().push(whole).map(({ stream }) => stream)).toEqual(['stdout', 'stderr', 'stdout'])
  })

  it('that the engine kept has its lines back whole: each part of a long one is a piece', () => {
    const long = 'x'.repeat(16_384)
    const kept = [piece(1, 'one\n'), piece(1, long), piece(1, long), piece(1, 'yy'), piece(2, 'err\n'), piece(1, long), piece(1, '')]
    const whole = Buffer.concat([...kept, piece(1, 'two\n'), piece(2, 'no end')])
    for (const size of [1, 5, 9, 4096, whole.length]) {
      const splitter = new OutputSplitter(true)
      const text = { stdout: '', stderr: '' }
      for (let at = 0; at < whole.length; at += size) {
        for (const { stream, bytes } of splitter.push(whole.subarray(at, at + size))) text[stream] += bytes.toString()
      }
      expect(text).toEqual({ stdout: `one\n${long}${long}yy\n${long}\ntwo\n`, stderr: 'err\nno end' })
    }
    expect(new OutputSplitter().push(Buffer.concat([piece(1, 'a'), piece(1, 'b')]))).toEqual([
      { stream: 'stdout', bytes: Buffer.from('ab') },
    ])
  })

  it('that comes again is logged once', () => {
    let text = ''
    const output = new ContainerOutput({ write: (_stream, piece) => (text += piece), congested: () => undefined }, { stdout: 2, stderr: 0 })
    output.replay()
    void output.push('stdout', Buffer.from('1\n2\n3'))
    output.replay()
    void output.push('stdout', Buffer.from('1\n2\n3\n4\n'))
    output.end()
    expect(text).toBe('2\n3\n4\n')
  })

  it('is logged byte for byte, however the engine cuts it', () => {
    const bytes = Buffer.concat([
      Buffer.from('10%\r20%\r\nné '),
      Buffer.of(0xe9, 0xff),
      Buffer.from('x'.repeat(100_000)),
      Buffer.from('ü no newline'),
    ])
    for (const size of [1, 7, 4096, bytes.length]) {
      let text = ''
      const output = new ContainerOutput({ write: (_stream, piece) => (text += piece), congested: () => undefined })
      for (let at = 0; at < bytes.length; at += size) void output.push('stdout', bytes.subarray(at, at + size))
      output.end()
      expect(encodeRaw(text).equals(bytes)).toBe(true)
    }
  })
})

it('samples are folded: counters grow, a sample of an ended container changes nothing', () => {
  const sample = {
    cpu_stats: { cpu_usage: { total_usage: 2_500_000_000, usage_in_usermode: 1_500_000_000 } },
    memory_stats: { usage: 10, max_usage: 30 },
    blkio_stats: {
      io_service_bytes_recursive: [
        { op: 'Read', value: 5 },
        { op: 'Write', value: 6 },
        { op: 'read', value: 1 },
      ],
    },
    networks: { eth0: { rx_bytes: 7, tx_bytes: 8 } },
  }
  const usage = foldSample(NO_USAGE, sample)
  expect(usage).toEqual({
    cpuSeconds: 2.5,
    userCpuSeconds: 1.5,
    peakMemoryBytes: 30,
    ioReadBytes: 6,
    ioWriteBytes: 6,
    networkReceivedBytes: 7,
    networkSentBytes: 8,
  })
  expect(foldSample(usage, { cpu_stats: { cpu_usage: { total_usage: 0 } } })).toEqual(usage)
  expect(foldSample(usage, { ...sample, memory_stats: { usage: 20 } }).peakMemoryBytes).toBe(30)
})

it('the engine is quoted without what surrounds its words', () => {
  const error = Object.assign(new Error('(HTTP code 404) no such container - No such image: x:1'), {
    statusCode: 404,
    json: { message: 'No such image: x:1' },
  })
  expect(wordsOf(error)).toBe('No such image: x:1')
  expect(wordsOf(Object.assign(new Error('(HTTP code 404) no such image - gone'), { statusCode: 404 }))).toBe('gone')
})
