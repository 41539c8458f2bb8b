/** What the Fastlane API refuses, in its own forms. No containers are needed. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { LiveManager } from '../../support/liveManager.ts'

let manager: LiveManager
const id = randomUUID()

beforeAll(async () => {
  manager = await LiveManager.start()
  await request('PUT', `/tasks/known/jobs/${id}/`, { body: JSON.stringify({ image: 'i', command: 'c', startIn: '1h' }) })
})
afterAll(() => manager.stop())

async function request(method: string, path: string, { body, headers = {} }: { body?: string; headers?: Record<string, string> } = {}) {
  const response = await fetch(manager.url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const good = { image: 'ubuntu', command: 'ls' }

describe('enqueue and PUT', () => {
  it.each([
    [undefined, 'Failed to enqueue task because JSON body could not be parsed.'],
    ['', 'Failed to enqueue task because JSON body could not be parsed.'],
    ['null', 'Failed to enqueue task because JSON body could not be parsed.'],
    ['[1]', 'Failed to enqueue task because JSON body could not be parsed.'],
    ['"text"', 'Failed to enqueue task because JSON body could not be parsed.'],
    ['{', 'Failed to enqueue task because JSON body could not be parsed.'],
    ['{}', 'image and command must be filled in the request.'],
    [{ image: 'x' }, 'image and command must be filled in the request.'],
    [{ ...good, command: null }, 'image and command must be filled in the request.'],
    [{ ...good, startAt: 1, startIn: '1s' }, "Only ONE of 'startAt', 'startIn' and 'cron' should be in the request."],
    [{ ...good, cron: '* * * * *', startIn: '1s' }, "Only ONE of 'startAt', 'startIn' and 'cron' should be in the request."],
    [{ ...good, image: 5 }, /^image must be a text/],
    [{ ...good, command: ['ls'] }, /^command must be a text/],
    [{ ...good, command: 'a\0b' }, /^command must not contain/],
    [{ ...good, metadata: { a: ['x\0'] } }, 'metadata.a.0: must not contain null characters.'],
    [{ ...good, command: 'a\ud800' }, /^command: must be valid Unicode/],
    [{ ...good, startAt: 'soon' }, /^startAt must be a whole number/],
    [{ ...good, startAt: -5 }, /^startAt must be a whole number/],
    [{ ...good, startAt: 1e300 }, /^startAt must be a whole number/],
    [{ ...good, startIn: '1d' }, /^startIn must be a text such as/],
    [{ ...good, startIn: '90' }, /^startIn must be a text such as/],
    [{ ...good, startIn: '' }, /^startIn must be a text such as/],
    [{ ...good, startIn: 90 }, /^startIn must be a text such as/],
    [{ ...good, startIn: '999999999h' }, /^startIn is too far ahead/],
    [{ ...good, cron: 'every day' }, /^cron "every day" cannot be used: /],
    [{ ...good, cron: '61 * * * *' }, /^cron "61 \* \* \* \*" cannot be used: /],
    [{ ...good, cron: 5 }, /^cron must be a text/],
    [{ ...good, retries: -1 }, /^retries must be a whole number/],
    [{ ...good, retries: 'many' }, /^retries must be a whole number/],
    [{ ...good, timeout: 0 }, /^timeout must be a whole number, 1 or more/],
    [{ ...good, timeout: 'x' }, /^timeout must be a whole number/],
    [{ ...good, expiration: {} }, /^expiration must be a whole number/],
    [{ ...good, envs: [] }, /^envs must be an object/],
    [{ ...good, envs: { 'a=b': 1 } }, /^envs: "a=b" is no name/],
    [{ ...good, envs: { a: 'x\0' } }, /^envs.a must not contain/],
    [{ ...good, additionalDNSEntries: { host: 'no address' } }, /^additionalDNSEntries.host must be an IP address/],
    [{ ...good, additionalDNSEntries: { 'a b': '10.0.0.1' } }, /^additionalDNSEntries: "a b" is no host name/],
    [{ ...good, notify: 'me' }, /^notify must be an object/],
    [{ ...good, notify: { fails: 'me@a.example' } }, /^notify.fails must be a list/],
    [{ ...good, notify: { fails: ['a@b.example\r\nBcc: c@d.example'] } }, /^notify.fails must be a list/],
    [{ ...good, webhooks: [] }, /^webhooks must be an object/],
    [{ ...good, webhooks: { fails: {} } }, /^webhooks.fails must be a list/],
    [{ ...good, webhooks: { fails: ['x'] } }, /^webhooks.fails\[0\] must be an object/],
    [{ ...good, webhooks: { fails: [{ url: 'file:///etc/passwd' }] } }, /^webhooks.fails\[0\].url must be an HTTP/],
    [{ ...good, webhooks: { fails: [{ url: 5 }] } }, /^webhooks.fails\[0\].url must be a text/],
    [{ ...good, webhooks: { fails: [{ url: 'http://a.example', headers: { 'a b': 'c' } }] } }, /cannot be sent as a header/],
    [{ ...good, webhooks: { fails: [{ url: 'http://a.example', headers: { a: 'b\nc' } }] } }, /cannot be sent as a header/],
    [{ ...good, webhooks: { fails: [{ url: 'http://a.example', retries: -1 }] } }, /^webhooks.fails\[0\].retries must be/],
  ])('%j: %s', async (input, message) => {
    const body = typeof input === 'object' ? JSON.stringify(input) : input
    const before = await manager.manager.context.read.get<{ n: number }>('select count(*) as n from jobs')
    for (const [method, path] of [
      ['POST', '/tasks/bad/'],
      ['PUT', `/tasks/bad/jobs/${randomUUID()}/`],
    ] as const) {
      const { status, text, headers } = await request(method, path, { ...(body !== undefined && { body }) })
      expect(status).toBe(400)
      if (typeof message === 'string') expect(text).toBe(message)
      else expect(text).toMatch(message)
      expect(headers.get('content-type')).toBe('text/plain; charset=utf-8')
    }
    expect(await manager.manager.context.read.get('select count(*) as n from jobs')).toEqual(before)
    expect((await request('GET', '/tasks/bad/')).status).toBe(404)
  })

  it('a job id that is no UUID, checked before the body', async () => {
    const { status, text } = await request('PUT', '/tasks/bad/jobs/not-a-uuid/', { body: '{' })
    expect([status, text]).toEqual([400, 'The job_id not-a-uuid is not a valid UUID4. All job IDs must be UUID4.'])
  })

  it('a task name that is too long, or has control characters', async () => {
    for (const name of ['x'.repeat(256), 'a%0Ab', 'a%00b', 'a%2Fb']) {
      expect((await request('POST', `/tasks/${name}/`, { body: JSON.stringify(good) })).status).toBe(400)
    }
  })

  it('a body that is too large', async () => {
    const { status } = await request('POST', '/tasks/bad/', { body: JSON.stringify({ ...good, metadata: { a: 'x'.repeat(1_100_000) } }) })
    expect(status).toBe(413)
  })

  it('a body that is nested too deeply', async () => {
    const body = `{"image":"a","command":"b","metadata":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`
    expect((await request('POST', '/tasks/bad/', { body })).status).toBe(400)
  })
})

describe('what is not there', () => {
  const gone = randomUUID()
  it.each([
    ['GET', '/tasks/none/', 404, 'Task not found.', 'get_task'],
    ['GET', `/tasks/none/jobs/${gone}/`, 404, 'Job not found in task.', 'get_task'],
    ['GET', `/tasks/known/jobs/${gone}/`, 404, 'Job not found in task.', 'get_task'],
    ['POST', `/tasks/known/jobs/${gone}/stop/`, 404, 'Job not found in task.', 'stop_job'],
    ['POST', `/tasks/known/job/${gone}/stop`, 404, 'Job not found in task.', 'stop_job'],
    ['POST', `/tasks/known/jobs/${gone}/retry/`, 404, 'Job not found in task.', 'retry_job'],
    ['POST', `/tasks/known/jobs/${id}/retry/`, 400, 'No execution yet to retry.', 'retry_job'],
    ['GET', `/tasks/known/jobs/${gone}/executions/${gone}/`, 404, `Task (known) or Job (${gone}) not found.`, 'get_job_execution'],
    ['GET', `/tasks/known/jobs/${id}/executions/${gone}/`, 404, `Job Execution (${gone}) not found in job (${id}).`, 'get_job_execution'],
    ['GET', `/tasks/known/jobs/${id}/executions/x/`, 404, `Job Execution (x) not found in job (${id}).`, 'get_job_execution'],
    ['POST', `/tasks/known/jobs/${gone}/executions/${gone}/stop/`, 404, `Task (known) or Job (${gone}) not found.`, 'stop_job_execution'],
    [
      'POST',
      `/tasks/known/jobs/${id}/executions/${gone}/stop/`,
      404,
      `Job Execution (${gone}) not found in Job (${id}).`,
      'stop_job_execution',
    ],
    ['GET', `/tasks/known/jobs/${gone}/stdout/`, 404, `Task (known) or Job (${gone}) not found.`, 'retrieve_execution_details'],
    ['GET', `/tasks/known/jobs/${id}/stderr/`, 400, `No executions found in job (${id}).`, 'retrieve_execution_details'],
    ['GET', `/tasks/known/jobs/${id}/executions/${gone}/logs/`, 400, `No executions found in job (${id}).`, 'retrieve_execution_details'],
    ['GET', '/tasks/?page=text', 400, 'Tasks pagination page param should be a positive integer.', 'get_tasks'],
    ['GET', '/tasks/?page=0', 400, 'Tasks pagination page param should be a positive integer.', 'get_tasks'],
    ['GET', '/tasks/?page=-1', 400, 'Tasks pagination page param should be a positive integer.', 'get_tasks'],
    ['GET', '/search/?query=known&page=0', 400, 'Tasks pagination page param should be a positive integer.', 'get_tasks'],
    ['GET', '/search/', 400, 'The query param is required.', 'search_tasks'],
    ['GET', '/search/?query=', 400, 'The query param is required.', 'search_tasks'],
  ])('%s %s: %i %s', async (method, path, status, error, operation) => {
    const reply = await request(method, path)
    expect([reply.status, JSON.parse(reply.text)]).toEqual([status, { error, operation }])
    expect(reply.headers.get('content-type')).toMatch(/^application\/json/)
  })

  it.each([
    ['GET', '/tasks/?page=1000000', 404],
    ['GET', '/search/?query=known&page=1000000', 404],
    ['GET', '/tasks/a/b/c/', 404],
    ['DELETE', '/tasks/known/', 405],
    ['PATCH', `/tasks/known/jobs/${id}/`, 405],
    ['GET', '/docker-executor/blacklist', 405],
  ])('%s %s: %i, with a text', async (method, path, status) => {
    const reply = await request(method, path)
    expect(reply.status).toBe(status)
    expect(JSON.parse(reply.text)).toEqual({ error: expect.any(String) })
  })
})

describe('the blacklist', () => {
  it.each([
    [undefined, 'JSON body could not be parsed.', 'from'],
    ['{', 'JSON body could not be parsed.', 'from'],
    ['[]', "'host' attribute was not found in JSON body.", 'from'],
    ['{}', "'host' attribute was not found in JSON body.", 'from'],
    ['{"host":null}', "'host' attribute was not found in JSON body.", 'from'],
    ['{"host":5}', "'host' attribute had an invalid value.", 'to'],
    ['{"host":"example.com"}', "'host' attribute had an invalid value.", 'to'],
    ['{"host":"example.com/"}', "'host' attribute had an invalid value.", 'to'],
    ['{"host":"example.com:abcd"}', "'host' attribute had an invalid value.", 'to'],
    ['{"host":"example.com:99999"}', "'host' attribute had an invalid value.", 'to'],
  ])('%s: %s', async (body, reason, word) => {
    const path = '/docker-executor/blacklist'
    const options = body === undefined ? {} : { body }
    expect(await request('POST', path, options)).toMatchObject({ status: 400, text: `Failed to add host to blacklist because ${reason}` })
    expect(await request('DELETE', path, options)).toMatchObject({
      status: 400,
      text: `Failed to remove host ${word} blacklist because ${reason}`,
    })
  })

  it.each(['example.com:1234', 'localhost:2375', '192.168.1.10:2375', '[fd00::1]:2376'])('%s is a host', async (host) => {
    const body = JSON.stringify({ host })
    expect((await request('PUT', '/docker-executor/blacklist', { body })).status).toBe(200)
    expect(manager.manager.context.settings.current().dockerBlacklist).toContain(host)
    expect((await request('DELETE', '/docker-executor/blacklist', { body, headers: { 'content-type': 'text/plain' } })).status).toBe(200)
    expect(manager.manager.context.settings.current().dockerBlacklist).not.toContain(host)
  })
})

describe('browsers and strangers', () => {
  it('a page of another site changes nothing, whatever the content type says', async () => {
    const headers = { origin: 'http://evil.example', 'content-type': 'text/plain' }
    const reply = await request('POST', '/tasks/known/', { body: JSON.stringify(good), headers })
    expect(reply.status).toBe(403)
    expect(reply.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('a page of our own must say that its body is JSON', async () => {
    const headers = { origin: manager.url, 'content-type': 'text/plain' }
    expect((await request('POST', '/tasks/known/', { body: JSON.stringify(good), headers })).status).toBe(415)
    const typed = await request('POST', '/tasks/known/', {
      body: JSON.stringify({ ...good, startIn: '1h' }),
      headers: { origin: manager.url },
    })
    expect(typed.status).toBe(200)
  })

  it('a preflight gets no permission', async () => {
    const reply = await request('OPTIONS', '/tasks/known/', {
      headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
    })
    expect(reply.headers.get('access-control-allow-origin')).toBeNull()
    expect(reply.status).toBeGreaterThanOrEqual(400)
  })

  it('without local trust, HTTP Basic with a token as the password lets a client in', async () => {
    const strict = await LiveManager.start({ trustLoopback: false })
    const { text: token } = await strict.manager.context.security.accounts.createToken({
      kind: 'token',
      name: 'fastlane',
      role: 'artist',
      scopes: ['submit', 'manage'],
      createdBy: 'test',
    })
    const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}` })
    const call = (path: string, headers = {}) => fetch(strict.url + path, { headers })
    const refused = await call('/tasks/')
    expect([refused.status, await refused.text(), refused.headers.get('www-authenticate')]).toEqual([401, '', 'Basic realm=""'])
    expect((await call('/tasks/', basic('wrong'))).status).toBe(401)
    expect((await call('/tasks/', basic(token))).status).toBe(200)
    expect((await call('/tasks/', { authorization: `Bearer ${token}` })).status).toBe(200)
    expect((await call('/healthcheck')).status).toBe(200)
    expect(
      (await fetch(`${strict.url}/docker-executor/blacklist`, { method: 'POST', body: '{"host":"a.example:1"}', headers: basic(token) }))
        .status,
    ).toBe(403)
    const socket = (headers: Record<string, string>) =>
      new Promise((resolve) => {
        const ws = new WebSocket(`${strict.url.replace('http', 'ws')}/tasks/a/jobs/${id}/ws/`, { headers })
        ws.on('close', (code) => resolve(code))
        ws.on('unexpected-response', (_request, response) => resolve(response.statusCode))
        ws.on('error', () => undefined)
      })
    expect(await socket({})).toBe(401)
    expect(await socket(basic(token))).toBe(1000)
    await strict.stop()
  })
})
