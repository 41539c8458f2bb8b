import { describe, expect, it } from 'vitest'
import { Type, type TSchema } from 'typebox'
import { isDeeperThan, parseJson } from '../../../src/main/http/body.ts'
import { describeError, HttpError, RangeNotSatisfiableError, TooLargeError, UnauthenticatedError } from '../../../src/main/http/errors.ts'
import { sharedFor } from '../../../src/main/dialects/native/farm/sharedReply.ts'
import { compileValidator } from '../../../src/main/http/validation/validation.ts'
import * as errors from '../../../src/main/engine/base/errors.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { ReportRequest } from '../../../src/shared/schemas/agent.ts'
import { JobPatch, NewJob } from '../../../src/shared/schemas/jobs/job.ts'

describe('nesting', () => {
  it.each([
    ['[[]]', 1, true],
    ['[[]]', 2, false],
    ['{"a":{"b":1}}', 1, true],
    ['["[[[[[["]', 1, false],
    ['["\\"[[["]', 1, false],
    ['["\\\\",[[]]]', 2, true],
    ['"unterminated', 1, false],
    ['[][][][]', 1, false],
  ])('%s deeper than %i: %s', (text, limit, deeper) => {
    expect(isDeeperThan(text, limit)).toBe(deeper)
  })
})

describe('JSON', () => {
  it.each(['{"__proto__":1}', '{"a":[{"__proto__":{}}]}', '{"\\u005f\\u005fproto__":1}', '{', 'undefined', '[1,]'])(
    '%s is refused',
    (text) => {
      expect(() => parseJson(text)).toThrow(errors.InvalidInputError)
    },
  )

  it('that only speaks of such things is taken', () => {
    expect(parseJson('{"a":"__proto__","b":"\\u00e4"}')).toEqual({ a: '__proto__', b: 'ä' })
  })
})

describe('a failure', () => {
  const describeIt = (error: unknown) => describeError(error, { bodyLimit: 7 }, silentLogger, { method: 'GET', url: '/' })
  it.each([
    [new errors.NotFoundError('job', 'x'), 404, 'not-found'],
    [new errors.InvalidInputError('/a', 'bad'), 400, 'invalid-input'],
    [new errors.ConflictError('no'), 409, 'conflict'],
    [new errors.StaleAttemptError('late'), 409, 'stale-attempt'],
    [new errors.JobTypeChangedError('changed'), 409, 'job-type-changed'],
    [new errors.WorkerNotAwakeError('asleep'), 409, 'worker-not-awake'],
    [new errors.PreconditionError('cannot'), 412, 'precondition'],
    [new errors.StatusChangeRequestedError('asleep'), 423, 'status-change-requested'],
    [new errors.NotAllowedError('no'), 403, 'not-allowed'],
    [new errors.TooManyError('later'), 429, 'too-many'],
    [new errors.UnavailableError('soon'), 503, 'unavailable'],
    [new UnauthenticatedError('who'), 401, 'unauthenticated'],
    [new TooLargeError('big'), 413, 'too-large'],
    [new RangeNotSatisfiableError(5), 416, 'range-not-satisfiable'],
    [new HttpError({ status: 405, code: 'method-not-allowed', message: 'no' }), 405, 'method-not-allowed'],
    [Object.assign(new Error('x'), { statusCode: 413 }), 413, 'too-large'],
    [Object.assign(new Error('x'), { statusCode: 502 }), 500, 'internal'],
    [new Error('a defect'), 500, 'internal'],
    ['a text', 500, 'internal'],
  ])('of %s is %i %s', (error, status, code) => {
    expect(describeIt(error)).toMatchObject({ status, code })
  })

  it('says no more of a defect than an id, under which the log has it', () => {
    const logged: object[] = []
    const failure = describeError(
      new Error('secret text'),
      {},
      { ...silentLogger, error: (facts) => logged.push(facts) },
      { method: 'GET', url: '/x' },
    )
    expect(failure.message).not.toContain('secret text')
    expect(failure.message).toContain((logged[0] as { errorId: string }).errorId)
  })

  it('tells how to go on where HTTP has a header for it', () => {
    expect(describeIt(new UnauthenticatedError('x')).headers).toEqual({ 'www-authenticate': 'Bearer' })
    expect(describeIt(new errors.UnavailableError('x')).headers).toEqual({ 'retry-after': '1' })
    expect(describeIt(new RangeNotSatisfiableError(5)).headers).toEqual({ 'content-range': 'bytes */5' })
    expect(describeIt(Object.assign(new Error('x'), { statusCode: 413 })).message).toContain('7 bytes')
  })
})

describe('validation', () => {
  const check = (schema: TSchema, value: unknown, httpPart = 'body') => {
    const result: unknown = compileValidator({ schema, method: 'POST', url: '/', httpPart })(value)
    return result as { value?: unknown; error?: { field: string; message: string } }
  }
  const task = '0000002a-1c3d-4e5f-8a9b-0c1d2e3f4a5b'
  const report = (event: unknown) => ({ reports: [{ seq: 1, taskId: task, attempt: 1, event }] })

  it.each<[string, TSchema, unknown, string, string]>([
    ['a missing member', NewJob, { name: 'x' }, '/type', 'is required'],
    ['an unknown member', NewJob, { name: 'x', type: 'y', surprise: 1 }, '/surprise', 'is unknown'],
    ['a text for a number', NewJob, { name: 'x', type: 'y', priority: '5' }, '/priority', 'integer'],
    ['a member of a member', NewJob, { name: 'x', type: 'y', policy: { maxRunMs: -1 } }, '/policy/maxRunMs', '>= 0'],
    ['an item of a list', NewJob, { name: 'x', type: 'y', dependsOn: [task, 'z'] }, '/dependsOn/1', '36'],
    ['nothing', NewJob, undefined, '', 'a JSON body is required'],
    ['a value that may be null', JobPatch, { tag: 5 }, '/tag', 'string'],
    [
      'the variant that was meant',
      ReportRequest,
      report({ type: 'log', at: 1, stream: 'x', text: '' }),
      '/reports/0/event/stream',
      'stdout, stderr',
    ],
    ['another variant', ReportRequest, report({ type: 'progress', at: 1, stepsCompleted: -1 }), '/reports/0/event/stepsCompleted', '>= 0'],
  ])('%s', (_what, schema, value, field, words) => {
    const { error } = check(schema, value)
    expect(error?.field).toBe(field)
    expect(error?.message).toContain(words)
  })

  const Query = Type.Object({
    n: Type.Optional(Type.Integer()),
    x: Type.Optional(Type.Number()),
    b: Type.Optional(Type.Boolean()),
    s: Type.Optional(Type.String()),
  })
  it.each([
    [
      { n: '7', x: '1.5', b: 'true', s: '7' },
      { n: 7, x: 1.5, b: true, s: '7' },
    ],
    [
      { n: '-7', b: 'false' },
      { n: -7, b: false },
    ],
    [{}, {}],
  ])('a query %j means %j', (texts, values) => {
    expect(check(Query, texts, 'querystring').value).toEqual(values)
  })

  it.each([{ n: '1.5' }, { n: '' }, { n: 'x' }, { n: '0x10' }, { n: '1e3' }, { b: '1' }, { b: 'yes' }, { x: '1,5' }, { n: ['1', '2'] }])(
    'a query %j is refused by name',
    (texts) => {
      const { error } = check(Query, texts, 'querystring')
      expect(error?.field).toBe(Object.keys(texts)[0])
      expect(error?.message).toContain(`query parameter ${Object.keys(texts)[0]}`)
    },
  )
})

describe('a shared reply', () => {
  it('is made once for all who ask in a moment, and anew after it or after a failure', async () => {
    let time = 0
    let made = 0
    let fails = false
    const ask = sharedFor(
      100,
      async () => {
        made++
        if (fails) throw new Error('no')
        return made
      },
      () => time,
    )
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1])
    time = 99
    expect(await ask()).toBe(1)
    time = 100
    expect(await ask()).toBe(2)
    time = 200
    fails = true
    await expect(ask()).rejects.toThrow('no')
    fails = false
    expect(await ask()).toBe(4)
  })
})
