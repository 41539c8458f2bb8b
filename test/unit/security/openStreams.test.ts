import { describe, expect, it } from 'vitest'
import { OWNER, type Caller } from '../../../src/main/security/accounts/callers.ts'
import { OpenStreams } from '../../../src/main/security/openStreams.ts'

function streams(limits = { perAccount: 3, inAll: 5 }) {
  const dead = new Set<string>()
  let told = (): void => undefined
  const tokens = {
    isCurrent: ({ token }: Caller) => token === null || !dead.has(token.publicId),
    onChange: (listener: () => void) => ((told = listener), () => true),
    findById: () => undefined,
    endOf: () => null,
  }
  const open = new OpenStreams(tokens, () => 0, limits)
  const closed: string[] = []
  const add = (caller: Caller, name = caller.actor) => {
    open.assertRoom(caller, '10.0.0.1')
    return open.add(caller, '10.0.0.1', () => closed.push(name))
  }
  return { open, add, closed, end: (id: string) => (dead.add(id), told()) }
}
const caller = (account: string, publicId = account): Caller => ({
  ...OWNER,
  id: account,
  actor: account,
  token: { publicId, life: 1, account },
})

describe('what stays open', () => {
  it('counts for each account, whatever token it came by, and for no other', () => {
    const { add } = streams()
    for (const token of ['a', 'b', 'c']) add(caller('user:1', token))
    expect(() => add(caller('user:1', 'd'))).toThrow('3 event streams open already')
    add(caller('user:2'))
  })

  it('is given back when it closes', () => {
    const { add } = streams()
    const releases = ['a', 'b', 'c'].map((token) => add(caller('user:1', token)))
    releases[0]?.()
    releases[0]?.()
    add(caller('user:1', 'd'))
    expect(() => add(caller('user:1', 'e'))).toThrow()
  })

  it('when all is full, the account with the most loses its oldest to one with fewer', () => {
    const { add, closed } = streams()
    add(caller('user:1'), 'first')
    add(caller('user:1'), 'second')
    add(caller('user:1'), 'third')
    add(caller('user:2'))
    add(caller('user:2'))
    add(caller('user:3'))
    expect(closed).toEqual(['first'])
  })

  it('ends at once with its token, and only with its own', () => {
    const { add, closed, end } = streams()
    add(caller('user:1', 'a'), 'a')
    add(caller('user:1', 'b'), 'b')
    end('a')
    expect(closed).toEqual(['a'])
  })

  it('callers without a token count by their address', () => {
    const { add, open } = streams()
    for (let n = 0; n < 3; n++) add(OWNER)
    expect(() => open.assertRoom(OWNER, '10.0.0.1')).toThrow()
    open.assertRoom(OWNER, '10.0.0.2')
  })
})
