import { beforeEach, describe, expect, it } from 'vitest'
import { LoginLock } from '../../../src/main/security/accounts/loginLock.ts'

let time: number
let lock: LoginLock
beforeEach(() => {
  time = 1_000_000
  lock = new LoginLock(() => time)
})
const guess = (times: number, name: string, address: string) => {
  for (let i = 0; i < times; i++) lock.failed(name, address)
}

describe('the lock against guessing', () => {
  it('closes for a name at one address, and for no other name there', () => {
    guess(10, 'anna', '10.0.0.1')
    expect(lock.waitMs('anna', '10.0.0.1')).toBeGreaterThan(0)
    expect(lock.waitMs('bert', '10.0.0.1')).toBe(0)
    expect(lock.waitMs('anna', '10.0.0.2')).toBe(0)
    time += 5 * 60_000
    expect(lock.waitMs('anna', '10.0.0.1')).toBe(0)
  })

  it('closes for a name that many addresses guess at, but not where its owner logged in before', () => {
    lock.succeeded('anna', '10.0.9.9')
    for (let n = 0; n < 30; n++) guess(1, 'anna', `10.0.0.${n}`)
    expect(lock.waitMs('anna', '10.0.1.1')).toBeGreaterThan(0)
    expect(lock.waitMs('anna', '10.0.9.9')).toBe(0)
    guess(10, 'anna', '10.0.9.9')
    expect(lock.waitMs('anna', '10.0.9.9')).toBeGreaterThan(0)
  })

  it('closes for an address that tries many names, but not for who logged in there before', () => {
    lock.succeeded('anna', '10.0.0.1')
    for (let n = 0; n < 50; n++) guess(1, `name-${n}`, '10.0.0.1')
    expect(lock.waitMs('bert', '10.0.0.1')).toBeGreaterThan(0)
    expect(lock.waitMs('anna', '10.0.0.1')).toBe(0)
    expect(lock.waitMs('bert', '10.0.0.2')).toBe(0)
  })

  it('sees one network of IPv6 as one address', () => {
    for (let n = 0; n < 50; n++) guess(1, `name-${n}`, `2001:db8::${n}`)
    expect(lock.waitMs('bert', '2001:db8::ffff')).toBeGreaterThan(0)
  })

  it('is not opened by flooding it with other names', () => {
    guess(10, 'anna', '10.0.0.1')
    for (let n = 0; n < 9_000; n++) guess(1, `name-${n}`, `10.${n % 200}.0.1`)
    expect(lock.waitMs('anna', '10.0.0.1')).toBeGreaterThan(0)
  })
})

describe('checks of passwords', () => {
  it('of one address go one after the other, those of others beside them', async () => {
    const order: string[] = []
    const check = (name: string, ms: number) => async () => {
      order.push(`${name} begins`)
      await new Promise((resolve) => setTimeout(resolve, ms))
      order.push(`${name} ends`)
      return name
    }
    const all = [lock.inTurn('10.0.0.1', check('a', 30)), lock.inTurn('10.0.0.1', check('b', 0)), lock.inTurn('10.0.0.2', check('c', 0))]
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c'])
    expect(order.indexOf('b begins')).toBeGreaterThan(order.indexOf('a ends'))
    expect(order.indexOf('c ends')).toBeLessThan(order.indexOf('a ends'))
  })

  it('are refused when too many wait, and go on after one that failed', async () => {
    const failed = lock.inTurn('10.0.0.1', () => Promise.reject(new Error('the database is away')))
    const waiting = Array.from({ length: 39 }, () => lock.inTurn('10.0.0.1', () => Promise.resolve(1)))
    await expect(lock.inTurn('10.0.0.1', () => Promise.resolve(1))).rejects.toThrow('too many logins at once')
    await expect(failed).rejects.toThrow('away')
    expect(await Promise.all(waiting)).toHaveLength(39)
    expect(await lock.inTurn('10.0.0.1', () => Promise.resolve(1))).toBe(1)
  })
})
