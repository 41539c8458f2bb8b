import { describe, expect, it } from 'vitest'
import { eventsOf } from '../../../src/main/dialects/fastlane/jobs/completion.ts'
import { hostViews } from '../../../src/main/dialects/fastlane/hosts.ts'
import { searchQuery } from '../../../src/main/dialects/fastlane/search.ts'
import { executionStatus, errorText } from '../../../src/main/dialects/fastlane/status.ts'
import { redactVariables } from '../../../src/main/security/redaction.ts'
import { fullImage, normalUuid, startInMs, wireTime } from '../../../src/main/dialects/fastlane/values.ts'
import { splitHost } from '../../../src/main/dialects/fastlane/views.ts'
import type { ContainerEngine } from '../../../src/shared/schemas/container.ts'
import type { ExecutionRow } from '../../../src/main/dialects/fastlane/store/queries.ts'

const NOW = Date.UTC(2026, 0, 5, 12)
const waiting: ExecutionRow = {
  taskId: 1,
  index: 1,
  jobPublicId: '9b2f63aa-1c3d-4e5f-8a9b-0c1d2e3f4a5b',
  image: 'i',
  command: 'c',
  requestIp: null,
  appearsAt: NOW,
  expiresAt: null,
  stoppedAt: null,
  settledAt: null,
  dispatches: '[]',
  status: 'queued',
  activity: '',
  notBefore: null,
  finishedAt: null,
  attempt: null,
  attemptStatus: null,
  outcome: null,
  reason: null,
  exitCode: null,
  startedAt: null,
  endedAt: null,
  result: null,
  logLines: null,
}
const ran = { ...waiting, attempt: 1, startedAt: NOW - 5_000, endedAt: NOW, finishedAt: NOW }

describe('the status of an execution', () => {
  it.each<[string, Partial<ExecutionRow>, string]>([
    ['waits', {}, 'enqueued'],
    ['is paused', { status: 'paused' }, 'enqueued'],
    ['pulls', { ...ran, status: 'active', attemptStatus: 'active', activity: 'pulling busybox' }, 'pulling'],
    ['runs', { ...ran, status: 'active', attemptStatus: 'active', activity: 'running' }, 'running'],
    ['is done', { ...ran, status: 'completed', attemptStatus: 'completed', exitCode: 0 }, 'done'],
    ['failed', { ...ran, status: 'failed', attemptStatus: 'failed', outcome: 'exit-code', exitCode: 1 }, 'failed'],
    ['took too long', { ...ran, status: 'failed', attemptStatus: 'failed', outcome: 'timed-out' }, 'timedout'],
    ['was never started in time', { status: 'failed', expiresAt: NOW - 1, finishedAt: NOW }, 'expired'],
    ['was lost, then too late', { ...ran, status: 'failed', attemptStatus: 'lost', expiresAt: NOW - 1 }, 'expired'],
    ['was stopped in the queue', { status: 'canceled', finishedAt: NOW }, 'stopped'],
    ['was stopped, and its container ends', { ...ran, status: 'canceled', attemptStatus: 'canceled' }, 'running'],
    ['was stopped, and nothing came', { ...ran, status: 'canceled', attemptStatus: 'canceled', endedAt: NOW - 31_000 }, 'failed'],
    ['was stopped, and its container reported why', { ...ran, status: 'canceled', attemptStatus: 'canceled', exitCode: 143 }, 'failed'],
    [
      'was stopped before its container began',
      { ...ran, status: 'canceled', attemptStatus: 'canceled', result: '{"containers":[{"exitCode":null}]}' },
      'failed',
    ],
    [
      'was stopped, and the exit code is in the result',
      { ...ran, status: 'canceled', attemptStatus: 'canceled', result: '{"containers":[{"exitCode":137}]}' },
      'failed',
    ],
  ])('one that %s', (_name, facts, status) => expect(executionStatus({ ...waiting, ...facts }, NOW)).toBe(status))
})

describe('the error of an execution', () => {
  it.each<[string, Partial<ExecutionRow>, string, string]>([
    ['its stderr alone', { ...ran, status: 'failed', outcome: 'exit-code' }, 'oops\n', 'oops\n'],
    ['what could not be started', { ...ran, status: 'failed', outcome: 'could-not-start', reason: 'no such image' }, '', 'no such image'],
    ['a stop, after stderr', { ...ran, status: 'canceled', stoppedAt: NOW }, 'oops\n', 'oops\nUser stopped job execution manually.'],
    ['a stop by others', { ...ran, status: 'canceled', activity: 'Canceled by local' }, '', 'Canceled by local'],
    [
      "the engine's own words",
      { ...ran, status: 'failed', outcome: 'exit-code', result: '{"containers":[{"error":"no space"}]}' },
      'oops\n',
      'no space\n\nstderr:\noops\n',
    ],
  ])('%s', (_name, facts, stderr, text) => expect(errorText({ ...waiting, ...facts }, 'failed', stderr)).toBe(text))

  it('a time-out, in whole seconds', () => {
    expect(errorText({ ...ran, status: 'failed' }, 'timedout', '')).toBe('Job execution timed out after 5 seconds.')
  })
})

describe('small things', () => {
  it.each([
    ['done', ['succeeds', 'finishes']],
    ['failed', ['fails', 'finishes']],
    ['timedout', ['finishes']],
    ['expired', []],
    ['stopped', []],
  ] as const)('%s is reported to %j', (status, events) => expect(eventsOf(status)).toEqual(events))

  it.each([
    [NOW, '2026-01-05T12:00:00'],
    [NOW + 614, '2026-01-05T12:00:00.614000'],
  ])('time %i is %s', (ms, text) => expect(wireTime(ms)).toBe(text))

  it.each([
    ['10s', 10],
    ['2m30s', 150],
    ['4h30m25s', 16_225],
    ['1s1h', undefined],
    ['', undefined],
    ['1.5h', undefined],
    ['-1s', undefined],
  ])('startIn %s is %s seconds', (text, seconds) => expect(startInMs(text)).toBe(seconds === undefined ? undefined : seconds * 1000))

  it.each([
    ['busybox', 'busybox:latest'],
    ['busybox:1', 'busybox:1'],
    ['reg:5000/x', 'reg:5000/x:latest'],
    ['reg:5000/x:2', 'reg:5000/x:2'],
    ['x@sha256:ab', 'x@sha256:ab'],
  ])('image %s is %s', (image, full) => expect(fullImage(image)).toBe(full))

  it.each([
    ['5A023792144544E98A8BCFE5AD05D1C6', '5a023792-1445-44e9-8a8b-cfe5ad05d1c6'],
    ['{5a023792-1445-44e9-8a8b-cfe5ad05d1c6}', '5a023792-1445-44e9-8a8b-cfe5ad05d1c6'],
    ['urn:uuid:5a023792-1445-44e9-8a8b-cfe5ad05d1c6', '5a023792-1445-44e9-8a8b-cfe5ad05d1c6'],
    ['5a023792', undefined],
  ])('UUID %s is %s', (text, uuid) => expect(normalUuid(text)).toBe(uuid))

  it('hides nested values by their key, in any case, and leaves what it was given', () => {
    const given = { MyPassword: 'x', deep: { api_KEY: { all: 1 }, name: 'secret' }, list: [{ secret: 1 }] }
    const before = structuredClone(given)
    const by = (words: string, shown = '***') => ({ words, shown, strict: false })
    expect(redactVariables(given, by('password, key,secret'))).toEqual({
      MyPassword: '***',
      deep: { api_KEY: '***', name: 'secret' },
      list: [{ secret: '***' }],
    })
    expect(given).toEqual(before)
    expect(redactVariables(given, by(' , '))).toEqual(given)
    expect(redactVariables({ 'a.c': 1, abc: 2 }, by('a.c', 'gone'))).toEqual({ 'a.c': 'gone', abc: 2 })
  })

  it.each([
    ['hello world', '("hello" OR "world")'],
    ['hello-world', '("hello world")'],
    ['"hello world" x', '("hello world" OR "x")'],
    ['a -b', '("a") NOT ("b")'],
    ['-b', undefined],
    ['* ) (', undefined],
  ])('search %s', (text, query) => expect(searchQuery(text)).toBe(query))

  it.each([
    ['unix:///var/run/docker.sock', '/var/run/docker.sock', 0],
    ['tcp://farm-1:2376', 'farm-1', 2376],
    ['tcp://[fd00::1]:2376', 'fd00::1', 2376],
    ['ssh://me@box', 'box', 22],
    ['farm-2:1234', 'farm-2', 1234],
  ])('engine %s is host %s, port %i', (address, host, port) => expect(splitHost(address)).toEqual({ host, port }))
})

describe('hosts', () => {
  const engine = (host: string, available = true): ContainerEngine => ({
    name: host,
    host,
    available,
    problem: available ? '' : 'connection refused',
    version: '',
    apiVersion: '',
    os: '',
    arch: '',
    cpus: 1,
    memoryBytes: 1,
    gpus: false,
    images: [],
  })
  const worker = (status: 'awake' | 'offline', ...engines: ReturnType<typeof engine>[]) => ({
    name: 'w',
    status,
    approvedAt: 1,
    deletedAt: null,
    capabilities: { containers: { engines } },
  })

  it('the usable ones come first; why others are not', () => {
    const views = hostViews(
      [
        worker('awake', engine('tcp://a:1', false), engine('tcp://b:1')),
        worker('offline', engine('tcp://c:1'), engine('tcp://b:1')),
        worker('awake', engine('tcp://d:1')),
      ],
      ['d:1'],
    )
    expect(views.map(({ host, available, blacklisted, circuit, error }) => [host, available, blacklisted, circuit, error])).toEqual([
      ['b', true, false, 'closed', null],
      ['a', false, false, 'open', 'connection refused'],
      ['c', false, false, 'open', 'worker "w" is offline'],
      ['d', false, true, 'closed', 'server is blacklisted'],
    ])
  })

  it.each([
    ['closed', true, null],
    ['open', false, 'Timeout not elapsed yet, circuit breaker still open'],
    ['half-open', true, null],
  ] as const)('an engine whose circuit is %s', (circuit, available, error) => {
    const views = hostViews([worker('awake', { ...engine('tcp://a:1'), circuit })], [])
    expect(views).toMatchObject([{ circuit, available, error }])
  })

  it('workers that wait for approval, and capabilities of another shape, count for nothing', () => {
    expect(
      hostViews(
        [
          { ...worker('awake', engine('tcp://a:1')), approvedAt: null },
          { ...worker('awake'), capabilities: { containers: 5 } },
        ],
        [],
      ),
    ).toEqual([])
  })
})
