import { describe, expect, it } from 'vitest'
import { assertAllowedHost, ForbiddenAddressError, guardedLookup, isForbiddenAddress } from '../../../src/main/notify/addresses.ts'
import { redirected } from '../../../src/main/notify/webhooks.ts'

describe('addresses that webhooks may not reach', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '[::1]',
  ])('%s is one', (address) => expect(isForbiddenAddress(address)).toBe(true))

  it.each(['10.0.0.1', '192.168.1.10', '172.16.0.1', '8.8.8.8', '2001:db8::1', 'fd00::1', '::ffff:10.0.0.1', 'studio.example'])(
    '%s is none',
    (address) => expect(isForbiddenAddress(address)).toBe(false),
  )

  it.each(['http://127.0.0.1/', 'http://[::1]:8080/', 'http://2130706433/', 'http://0x7f.1/', 'http://[::ffff:127.0.0.1]/', 'http://0/'])(
    '%s is refused',
    (url) => expect(() => assertAllowedHost(new URL(url))).toThrow(ForbiddenAddressError),
  )

  it('a name that stands for such an address is refused, whatever else it stands for', async () => {
    const lookup = guardedLookup(((_name: string, _options: object, done: (error: null, found: object[]) => void) =>
      done(null, [
        { address: '93.184.216.34', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ])) as never)
    const error = await new Promise((resolve) => lookup('rebind.example', {}, resolve))
    expect(error).toBeInstanceOf(ForbiddenAddressError)
  })

  it('a name that stands for others is looked up as asked', async () => {
    const found = [{ address: '93.184.216.34', family: 4 }]
    const lookup = guardedLookup(((_name: string, _options: object, done: (error: null, found: object[]) => void) =>
      done(null, found)) as never)
    expect(await new Promise((resolve) => lookup('a.example', { all: true }, (_error, addresses) => resolve(addresses)))).toEqual(found)
    expect(await new Promise((resolve) => lookup('a.example', {}, (_error, address, family) => resolve([address, family])))).toEqual([
      '93.184.216.34',
      4,
    ])
  })
})

describe('a redirected webhook', () => {
  const call = {
    url: 'https://a.example/x',
    method: 'POST',
    headers: { authorization: 'secret', 'Content-Type': 'application/json' },
    body: '{}',
  }
  const a = new URL('https://a.example/x')

  it.each([
    [307, 'https://a.example/y', 'POST', true],
    [308, 'https://a.example/y', 'POST', true],
    [302, 'https://a.example/y', 'GET', true],
    [303, 'https://b.example/y', 'GET', false],
    [307, 'https://b.example/y', 'POST', false],
    [307, 'http://a.example/y', 'POST', false],
  ])('status %i to %s: %s', (status, to, method, keepsSecrets) => {
    const next = redirected(call, a, new URL(to), status)
    expect(next.method).toBe(method)
    expect(next.url).toBe(to)
    expect(next.headers['authorization']).toBe(keepsSecrets ? 'secret' : undefined)
    expect(next.body).toBe(method === 'GET' ? '' : '{}')
  })
})
