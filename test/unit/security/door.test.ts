import { describe, expect, it } from 'vitest'
import {
  decide,
  effectiveScopes,
  joinsApproved,
  mayManage,
  ANONYMOUS,
  OPEN_LAN,
  OWNER,
  type Caller,
} from '../../../src/main/security/accounts/callers.ts'
import { hostName, HostPolicy, isLoopbackAddress, isOwnOrigin } from '../../../src/main/security/hosts.ts'
import { Throttle } from '../../../src/main/security/accounts/throttle.ts'
import type { Role, Scope } from '../../../src/shared/enums.ts'

describe('the name in a Host header', () => {
  it.each([
    ['localhost', 'localhost'],
    ['LocalHost:80', 'localhost'],
    ['farm.example.', 'farm.example'],
    ['10.0.0.5:8080', '10.0.0.5'],
    ['[fe80::1%25eth0]:8080', undefined],
    ['[FE80::1]:8080', 'fe80::1'],
    ['::1', undefined],
    ['a b', undefined],
    ['a/b', undefined],
    ['user@host', undefined],
    ['host:123456', undefined],
    ['', undefined],
  ])('%s → %s', (header, name) => {
    expect(hostName(header)).toBe(name)
  })

  it('an address that the machine gets later is known after a while', () => {
    let time = 0
    let own = new Set(['10.0.0.1'])
    const policy = new HostPolicy(
      () => [],
      () => time,
      () => own,
    )
    expect(policy.allows('10.0.0.1')).toBe(true)
    expect(policy.allows('10.0.0.2')).toBe(false)
    own = new Set(['10.0.0.2'])
    expect(policy.allows('10.0.0.2')).toBe(false)
    time += 5_000
    expect(policy.allows('10.0.0.2')).toBe(true)
  })

  it('a flood of unknown names does not fill the memory or the processor', () => {
    let lookUps = 0
    const policy = new HostPolicy(
      () => [],
      () => 0,
      () => (lookUps++, new Set()),
    )
    for (let i = 0; i < 20_000; i++) policy.allows(`evil-${i}.example`)
    expect(lookUps).toBe(1)
  })
})

describe('an Origin', () => {
  it.each([
    ['http://host:8080', 'host:8080', true],
    ['https://HOST:8080', 'host:8080', true],
    ['http://host', 'host:8080', false],
    ['http://host:8080.evil.example', 'host:8080', false],
    ['http://host:8080/', 'host:8080', false],
    ['null', 'null', false],
    ['', '', false],
    ['http://host', undefined, false],
  ])('%s of %s: %s', (origin, host, own) => {
    expect(isOwnOrigin(origin, host)).toBe(own)
  })
})

it.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  [undefined, false],
])('the address %s is loopback: %s', (address, loopback) => {
  expect(isLoopbackAddress(address)).toBe(loopback)
})

describe('scopes that really count', () => {
  it.each<[Role, Scope[], Scope[]]>([
    ['admin', ['admin'], ['read', 'submit', 'manage', 'tokens', 'admin', 'worker']],
    ['admin', ['submit'], ['read', 'submit']],
    ['artist', ['admin'], ['read', 'submit', 'manage', 'tokens']],
    ['artist', ['manage'], ['read', 'manage']],
    ['viewer', ['admin', 'submit'], ['read', 'tokens']],
    ['viewer', ['worker'], ['read', 'worker']],
    ['viewer', ['submit'], []],
    ['artist', [], []],
  ])('%s with %j → %j', (role, named, expected) => {
    expect([...effectiveScopes(role, named)].sort()).toEqual([...expected].sort())
  })
})

describe('decisions', () => {
  const callers: Record<string, Caller> = { nobody: ANONYMOUS, owner: OWNER, lan: OPEN_LAN }
  it.each([
    ['nobody', 'public', false, 'allowed'],
    ['nobody', 'read', false, 'unauthenticated'],
    ['nobody', 'join', false, 'unauthenticated'],
    ['nobody', 'join', true, 'allowed'],
    ['lan', 'join', false, 'allowed'],
    ['lan', 'manage', false, 'allowed'],
    ['lan', 'admin', false, 'forbidden'],
    ['owner', 'admin', false, 'allowed'],
    ['owner', 'join', false, 'allowed'],
  ] as const)('%s on %s (strangers may ask: %s) → %s', (name, access, strangers, expected) => {
    expect(decide(access, callers[name] ?? ANONYMOUS, strangers)).toBe(expected)
  })

  it('only who may join at once needs no approval', () => {
    expect([OWNER, OPEN_LAN, ANONYMOUS].map(joinsApproved)).toEqual([true, false, false])
  })

  it('artists manage what is theirs, admins everything, viewers nothing', () => {
    const anna: Caller = { ...ANONYMOUS, id: 'user:1', actor: 'user:anna', role: 'artist' }
    expect([mayManage(anna, 'user:1'), mayManage(anna, 'user:2'), mayManage(anna, 'user:anna'), mayManage(anna, '')]).toEqual([
      true,
      false,
      false,
      false,
    ])
    expect(mayManage({ ...ANONYMOUS, role: 'artist' }, 'nobody')).toBe(false)
    expect(mayManage(OWNER, 'user:2')).toBe(true)
    expect(mayManage({ ...anna, role: 'viewer' }, 'user:1')).toBe(false)
  })
})

describe('a throttle', () => {
  it('lets so many failures through in a window, then says how long to wait', () => {
    let time = 0
    const throttle = new Throttle(3, 1_000, () => time)
    for (let i = 0; i < 3; i++) {
      expect(throttle.waitMs('anna')).toBe(0)
      throttle.failed('anna')
      time += 100
    }
    expect(throttle.waitMs('anna')).toBe(700)
    expect(throttle.waitMs('bert')).toBe(0)
    time = 1_000
    expect(throttle.waitMs('anna')).toBe(0)
    throttle.failed('anna')
    throttle.succeeded('anna')
    expect(throttle.waitMs('anna')).toBe(0)
  })
})
