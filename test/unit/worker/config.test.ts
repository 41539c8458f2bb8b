import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { WorkerConfigError, resolveConfig, type WorkerConfig } from '../../../src/main/worker/config.ts'
import { managerKey } from '../../../src/main/worker/link/credentials.ts'
import { parseManagerUrl } from '../../../src/main/worker/link/http.ts'

describe('the address of a manager', () => {
  it.each([
    ['farm', 'http://farm/'],
    ['farm:1234', 'http://farm:1234/'],
    ['127.0.0.1:8080', 'http://127.0.0.1:8080/'],
    ['http://farm:8080', 'http://farm:8080/'],
    ['https://farm', 'https://farm/'],
    ['http://farm:8080/k/SECRET', 'http://farm:8080/k/SECRET/'],
    [' http://farm/proxy/farm/ ', 'http://farm/proxy/farm/'],
    ['[::1]:8080', 'http://[::1]:8080/'],
  ])('%j is %s', (text, expected) => {
    expect(parseManagerUrl(text).href).toBe(expected)
  })

  it.each(['', 'ftp://farm', 'http://', 'http://user:pw@farm/', 'http://farm/?key=1', 'http://farm/#x', 'http://farm:99999'])(
    '%j is refused',
    (text) => {
      expect(() => parseManagerUrl(text)).toThrow(/manager URL/)
    },
  )

  it.each([
    ['http://farm:8080/k/SECRET/', 'http://farm:8080/'],
    ['http://farm:8080/', 'http://farm:8080/'],
    ['http://farm/proxy/k/SECRET/', 'http://farm/proxy/'],
  ])('%s keeps its credentials as %s: without the key', (text, expected) => {
    expect(managerKey(parseManagerUrl(text))).toBe(expected)
  })
})

describe('the settings of a worker', () => {
  const base: WorkerConfig = { managerUrl: 'farm', dataDir: '/data' }

  it('has a value for all that is left out', () => {
    expect(resolveConfig(base)).toMatchObject({
      name: hostname().slice(0, 64),
      slots: 1,
      adapter: 'auto',
      kinds: undefined,
      programs: {},
      nice: 10,
      oomScoreAdjust: 500,
      canRestart: false,
    })
  })

  it('takes a fingerprint as it is printed and as others print it', () => {
    const asNode = Array.from({ length: 32 }, () => 'AB').join(':')
    for (const managerFingerprint of [asNode, 'ab'.repeat(32)]) {
      expect(resolveConfig({ ...base, managerUrl: 'https://farm', managerFingerprint }).fingerprint).toBe(asNode)
    }
  })

  it.each<[string, Partial<WorkerConfig>]>([
    ['managerUrl', { managerUrl: 'ftp://farm' }],
    ['dataDir', { dataDir: '' }],
    ['name', { name: 'x'.repeat(65) }],
    ['slots', { slots: 0 }],
    ['slots', { slots: 1025 }],
    ['slots', { slots: 1.5 }],
    ['kinds', { kinds: [' '] }],
    ['managerFingerprint', { managerUrl: 'https://farm', managerFingerprint: 'ab' }],
    ['managerFingerprint', { managerUrl: 'http://farm', managerFingerprint: 'ab'.repeat(32) }],
    ['nice', { nice: 20 }],
    ['nice', { nice: -1 }],
    ['oomScoreAdjust', { oomScoreAdjust: 1001 }],
  ])('refuses a wrong %s and names it', (option, change) => {
    let caught: unknown
    try {
      resolveConfig({ ...base, ...change })
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(WorkerConfigError)
    expect(caught).toMatchObject({ option })
  })
})
