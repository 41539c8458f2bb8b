import { describe, expect, it } from 'vitest'
import {
  formOfRule,
  mailProblems,
  newRule,
  portFor,
  ruleOfForm,
  ruleProblems,
  type MailSettings,
} from '../../../src/renderer/features/settings/notify/notifyForm.ts'
import type { NotificationRule } from '../../../src/shared/schemas/notify.ts'

describe('a rule of the form', () => {
  const rules: NotificationRule[] = [
    { on: ['failed'], mail: 'anna@studio.example' },
    { on: ['completed', 'canceled'], webhook: { url: 'https://chat.studio.example/hook' } },
    { on: ['failed'], webhook: { url: 'http://10.0.0.4:99/x?y=1', method: 'PUT', headers: { Authorization: 'Bearer a:b', 'X-A': '' } } },
  ]
  it.each(rules)('becomes the rule %j that it came from', (rule) => {
    expect(ruleOfForm(formOfRule(rule))).toEqual(rule)
    expect(ruleProblems(formOfRule(rule))).toEqual({})
  })

  it.each([
    [{ to: 'anna' }, { to: 'mail' }],
    [{ to: 'anna@x.example', on: [] }, { on: 'on' }],
    [{ kind: 'webhook', to: 'chat.studio.example/hook' }, { to: 'url' }],
    [{ kind: 'webhook', to: 'http://' }, { to: 'url' }],
    [{ kind: 'webhook', to: 'http://[bad' }, { to: 'url' }],
    [{ kind: 'webhook', to: 'http://a.example', headers: 'Bad Name: x' }, { headers: 'headers' }],
    [{ kind: 'webhook', to: 'http://a.example', headers: ': x' }, { headers: 'headers' }],
    [{ kind: 'mail', to: 'a@b.example', headers: 'Bad Name: x' }, {}],
  ] as const)('with %j has the problems %j', (changes, problems) => {
    expect(ruleProblems({ ...newRule(), ...changes, on: 'on' in changes ? [] : ['failed'] })).toEqual(problems)
  })
})

describe('the mail server', () => {
  const none: MailSettings = {
    smtpHost: '',
    smtpPort: 587,
    smtpSecurity: 'starttls',
    smtpUser: '',
    smtpPassword: '',
    mailFrom: '',
    publicUrl: '',
  }
  it.each([
    [{}, {}],
    [{ smtpHost: 'mail.example', mailFrom: 'The farm <farm@studio.example>', publicUrl: 'http://farm:8080' }, {}],
    [{ smtpHost: 'mail.example' }, { mailFrom: 'sender' }],
    [{ smtpHost: 'smtp://mail.example', mailFrom: 'a@b.example' }, { smtpHost: 'host' }],
    [{ smtpHost: 'mail.example:25', mailFrom: 'a@b.example' }, { smtpHost: 'host' }],
    [{ smtpPort: 0 }, { smtpPort: 'port' }],
    [{ smtpPort: 70_000 }, { smtpPort: 'port' }],
    [{ mailFrom: 'the farm' }, { mailFrom: 'mail' }],
    [{ mailFrom: 'The farm <farm>' }, { mailFrom: 'mail' }],
    [{ publicUrl: 'farm:8080' }, { publicUrl: 'url' }],
  ])('with %j has the problems %j', (changes, problems) => {
    expect(mailProblems({ ...none, ...changes })).toEqual(problems)
  })

  it('gets the usual port of its encryption, unless another was chosen', () => {
    expect(portFor('tls', 587)).toBe(465)
    expect(portFor('none', 465)).toBe(25)
    expect(portFor('tls', 2525)).toBe(2525)
  })
})
