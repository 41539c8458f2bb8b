import { once } from 'node:events'
import { readFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RawClient, basic, requestText } from '../bench/rawClient.ts'
import { submitFrames } from '../bench/handOut.ts'
import { ManagerProcess } from '../support/managerProcess.ts'
import { requirePart } from '../support/parts.ts'

const strace = requirePart('strace')

/** What the manager's system calls were, one request after another, with nothing else going on. */
strace.describe('a reply leaves only after', () => {
  let folder: string
  let manager: ManagerProcess
  let client: RawClient
  let auth: string
  let trace: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'framehouse-durable-'))
    trace = join(folder, 'trace')
    const wrap = [strace.path, '-f', '-y', '-qq', '-o', trace, '-s', '200', '-e', 'trace=fdatasync,fsync,read,write,writev,pwrite64']
    manager = await ManagerProcess.start({ dataDir: join(folder, 'data'), wrap })
    client = await RawClient.open(manager.port)
    const secret = 'f'.repeat(64)
    const { workerId } = await manager.json<{ workerId: string }>('POST', '/api/v1/agent/join', {
      name: 'strace',
      secret,
      platform: 'linux',
      kinds: ['blender'],
    })
    auth = basic(workerId, secret)
    const body = JSON.stringify({ name: 'strace', software: 'test', kinds: ['blender'], capacity: 1, running: [] })
    await client.send(requestText('POST', '/api/v1/agent/sign-on', { auth, body }))
    await submitFrames(manager, 20)
  })

  afterAll(async () => {
    client.close()
    // strace ends with what it watches; killed itself, it would leave the manager behind.
    const { child } = manager
    const watched = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim()
    const ended = once(child, 'exit')
    process.kill(Number(watched.split(' ')[0]), 'SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  })

  /** The calls between the arrival of a request with this path and the first write of its reply. */
  async function callsDuring(path: string, body: string): Promise<string[]> {
    const reply = await client.send(requestText('POST', path, { auth, body }))
    expect(reply.status).toBe(200)
    for (;;) {
      const lines = (await readFile(trace, 'utf8')).split('\n')
      const arrived = lines.findLastIndex((line) => line.includes(`POST ${path}`))
      const replied = lines.findIndex((line, at) => at > arrived && /(write|writev)\(/.test(line) && line.includes('HTTP/1.1 200'))
      if (arrived >= 0 && replied > arrived) return lines.slice(arrived, replied)
      // strace writes its file in blocks.
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /**
   * True when fdatasync (or fsync, which promises more: SQLite as built here) of the file returned. A call that other
   * threads' calls cut in two counts when it returns.
   */
  function synced(calls: string[], file: string): boolean {
    const started = calls.findLastIndex((line) => /f(data)?sync\(/.test(line) && line.includes(file))
    if (started < 0) return false
    if (/= 0$/.test(calls[started] ?? '')) return true
    const thread = calls[started]?.split(' ')[0]
    return calls.slice(started).some((line) => line.startsWith(`${thread} `) && /f(data)?sync resumed.*= 0$/.test(line))
  }

  it('the write-ahead log is on the platter, when work is handed out', async () => {
    expect(synced(await callsDuring('/api/v1/agent/take', '{"slots":1,"waitMs":0,"running":[]}'), 'framehouse.sqlite-wal')).toBe(true)
  })

  it('segment and write-ahead log are on the platter, when a log line is reported', async () => {
    const reply = await client.send(requestText('POST', '/api/v1/agent/take', { auth, body: '{"slots":1,"waitMs":0,"running":[]}' }))
    const taskId = /"taskId":"([^"]+)"/.exec(reply.body)?.[1]
    const report = { seq: 1, taskId, attempt: 1, event: { type: 'log', at: 1, stream: 'stdout', text: 'a line\n' } }
    const calls = await callsDuring('/api/v1/agent/report', JSON.stringify({ reports: [report] }))
    expect(synced(calls, '.seg')).toBe(true)
    expect(synced(calls, 'framehouse.sqlite-wal')).toBe(true)
  })
})
