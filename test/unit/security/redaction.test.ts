import { describe, expect, it } from 'vitest'
import { redact, redactText, STRICT } from '../../../src/main/security/redaction.ts'

const RULES = { words: 'password,key', shown: '***', strict: false }

describe('what is hidden', () => {
  it('headers that carry credentials, by name or by value, whatever words are set', () => {
    const headers = {
      Authorization: 'Bearer abc',
      cookie: 'a=b',
      'X-Auth': 'x',
      'X-Hub-Signature': 'sha1=1',
      'X-Plain': 'Basic dXNlcjpwYXNz',
      'X-Team': 'lighting',
      'Content-Type': 'application/json',
    }
    expect(redact({ finishes: [{ url: 'http://a.example/', headers }] }, { ...RULES, words: '' })).toEqual({
      finishes: [
        {
          url: 'http://a.example/',
          headers: {
            Authorization: '***',
            cookie: '***',
            'X-Auth': '***',
            'X-Hub-Signature': '***',
            'X-Plain': '***',
            'X-Team': 'lighting',
            'Content-Type': 'application/json',
          },
        },
      ],
    })
  })

  it('variables by the words that are set; nothing of others', () => {
    expect(redact({ env: { DB_PASSWORD: 'x', apiKey: 'y', PLAIN: 'z' } }, RULES)).toEqual({
      env: { DB_PASSWORD: '***', apiKey: '***', PLAIN: 'z' },
    })
  })

  it.each([
    ['https://anna:s3cret@host/x', 'https://***@host/x'],
    ['https://host/x?a=1&access_token=abc&b=2', 'https://host/x?a=1&access_token=***&b=2'],
    ['called http://u:p@h and failed', 'called http://***@h and failed'],
    ['ssh://render@host', 'ssh://render@host'],
    ['https://host/monkeys?page=2', 'https://host/monkeys?page=2'],
  ])('of addresses: %s', (text, shown) => expect(redactText(text, '***')).toBe(shown))

  it('strictly: all headers and variables, and whatever is called a password', () => {
    const given = { password: 'p', job: { settings: { env: { A: '1' }, frames: '1-5' } }, headers: { Accept: '*/*' } }
    expect(redact(given, STRICT)).toEqual({
      password: '********',
      job: { settings: { env: { A: '********' }, frames: '1-5' } },
      headers: { Accept: '********' },
    })
    expect(given.password).toBe('p')
  })

  it('is no slower for texts that are made to be slow', () => {
    const started = performance.now()
    redactText(`?${'keysig'.repeat(20_000)} ${'a://b'.repeat(20_000)}`)
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})
