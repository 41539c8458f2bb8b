import { describe, expect, it } from 'vitest'
import { auditDetail } from '../../../src/main/security/auditDetail.ts'

describe('auditDetail', () => {
  it.each([
    ['nothing', undefined, null],
    ['null', null, null],
    [
      'what holds no secret',
      { name: 'shot', settings: { frames: '1-10' }, tags: ['a'] },
      '{"name":"shot","settings":{"frames":"1-10"},"tags":["a"]}',
    ],
    [
      'headers of webhooks, at any depth',
      { notifications: [{ on: ['failed'], webhook: { url: 'https://a.example/', headers: { Authorization: 'Bearer x', 'X-Key': 'y' } } }] },
      '{"notifications":[{"on":["failed"],"webhook":{"url":"https://a.example/","headers":{"Authorization":"********","X-Key":"********"}}}]}',
    ],
    ['variables that a container gets', { envs: { TOKEN: 'x', N: 3 } }, '{"envs":{"TOKEN":"********","N":"********"}}'],
    [
      'passwords, whatever they are called',
      { smtpPassword: 'x', clientSecret: 'y' },
      '{"smtpPassword":"********","clientSecret":"********"}',
    ],
    ['a password that is taken away', { smtpPassword: '' }, '{"smtpPassword":""}'],
    ['headers that are no object', { headers: 'x' }, '{"headers":"********"}'],
  ])('%s', (_what, detail, text) => expect(auditDetail(detail)).toBe(text))

  it('keeps 2,000 characters', () => {
    expect(auditDetail({ text: 'x'.repeat(5_000) })).toHaveLength(2_000)
  })

  it('hides a secret before it cuts', () => {
    expect(auditDetail({ text: 'x'.repeat(1_950), headers: { Authorization: 'geheim' } })).not.toContain('geh')
  })
})
