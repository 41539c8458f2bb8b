/** Jobs without shared storage, with real workers whose folders have nothing in common. */
import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../support/liveManager.ts'
import { contentOf, SendingFarm } from '../../support/sendingFarm.ts'

let farm: SendingFarm
beforeEach(async () => {
  farm = await SendingFarm.start()
})
afterEach(() => farm.stop())

/** One task a frame, each of which writes a file from an input and its number. */
const copying = (folder: string, frames: string) => ({
  name: 'copies',
  type: 'command-per-frame',
  settings: {
    command: `sh -c "cat ${folder}/in/text > {results}/out/f_{frame:04}.txt; echo {frame} >> {results}/out/f_{frame:04}.txt"`,
    output_pattern: 'out/f_{frame:04}.txt',
    frames,
  },
})

describe('a job without shared storage', () => {
  it('has its inputs on every worker and its results at the manager, named in the API', { timeout: 60_000 }, async () => {
    await farm.work('anna')
    await farm.work('bela')
    const { folder } = await farm.send({ 'in/text': 'hello\n' })
    const { id, sendFiles } = await farm.submit(copying(folder, '1-8'))
    expect(sendFiles).toBe(true)
    expect((await farm.ended(id)).status).toBe('completed')
    const results = await farm.home(id)
    expect(results.kept).toBe('manager')
    expect(results.folder).toContain(join(farm.manager.folder, 'data', 'results', 'copies-'))
    expect(results.items.map(({ path }) => path).toSorted()).toEqual(Array.from({ length: 8 }, (_, at) => `out/f_000${at + 1}.txt`))
    for (const { path, sha256, bytes } of results.items) {
      const text = `hello\n${Number(/(\d+)\.txt/.exec(path)?.[1])}\n`
      expect(await farm.read(results, path)).toBe(text)
      expect({ sha256, bytes }).toEqual(contentOf(text))
    }
  })
})

describe('inputs', () => {
  it('are sent once, also when another job sends them again, and only what changed', async () => {
    const files = { 'a/one': 'one', 'b/two': 'two', 'b/three': 'three' }
    expect((await farm.send(files)).sent).toBe(3)
    expect((await farm.send(files)).sent).toBe(0)
    expect((await farm.send({ ...files, 'b/two': 'changed' })).sent).toBe(1)
  })

  it('go on where a broken upload stopped, also after the manager was restarted', async () => {
    const content = Buffer.alloc(3_000_000, 'x')
    const about = { ...contentOf(content), content }
    await new Promise<void>((resolve) => {
      const { hostname, port } = new URL(farm.manager.url)
      const path = `/api/v1/content/${about.sha256}/${about.bytes}`
      const headers = { 'content-type': 'application/octet-stream', 'content-length': about.bytes }
      const cut = request({ hostname, port, path, method: 'PUT', headers }).on('error', () => undefined)
      cut.on('close', () => resolve())
      cut.write(content.subarray(0, 2_000_000), () => cut.destroy())
    })
    const missing = async () => {
      const { body } = await farm.manager.call('POST', '/content/missing', {
        body: { files: [{ sha256: about.sha256, bytes: about.bytes }] },
      })
      return body.missing as { offset: number }[]
    }
    await expect.poll(async () => (await missing())[0]?.offset).toBeGreaterThan(0)
    farm.manager = await farm.manager.restart()
    const [before] = await missing()
    expect(before?.offset).toBeGreaterThan(0)
    expect((await farm.put(about, before?.offset)).status).toBe(204)
    expect(await missing()).toEqual([])
  })

  it('are refused where their bytes are not what was announced, and leave nothing behind', async () => {
    const { sha256 } = contentOf('right')
    const wrong = await farm.put({ sha256, bytes: 5, content: Buffer.from('wrong') })
    expect(wrong.status).toBe(400)
    expect(wrong.body).toMatchObject({ code: 'content-mismatch' })
    expect((await farm.put({ sha256, bytes: 5, content: Buffer.from('right!') })).body).toMatchObject({ code: 'content-mismatch' })
    const gap = await farm.manager.call('PUT', `/content/${sha256}/5?offset=3`, {
      raw: Buffer.from('ht'),
      headers: { 'content-type': 'application/octet-stream' },
    })
    expect(gap.status).toBe(409)
    expect(gap.body).toMatchObject({ code: 'wrong-offset' })
    const asked = await farm.manager.call('POST', '/content/missing', { body: { files: [{ sha256, bytes: 5 }] } })
    expect(asked.body.missing).toEqual([{ sha256, bytes: 5, offset: 0 }])
  })

  it.each(['../up', '/abs', 'a/../../b', 'C:/x', 'a\\b', 'a//b', ''])('have no path like %j', async (path) => {
    const { sha256, bytes } = contentOf('text')
    await farm.send({ text: 'text' })
    const reply = await farm.manager.call('POST', '/inputs', { body: { files: [{ path, sha256, bytes }] } })
    expect(reply.status).toBe(400)
    expect(reply.body.field).toMatch(/path/)
  })
})

describe('results', () => {
  it('are taken from the worker that holds the task only, below the root only, and once another attempt began no more', async () => {
    const kinds = ['command']
    const { id } = await farm.submit(copying('/nowhere', '1'))
    const [anna, bela] = [await farm.manager.worker('anna', { kinds }), await farm.manager.worker('bela', { kinds })]
    const [assignment] = (await anna.take()).assignments
    if (!assignment) throw new Error('no task')
    const { taskId, attempt } = assignment
    await anna.report({ taskId, attempt }, { type: 'started', at: Date.now() })
    const send = (worker: typeof anna, path: string, content = 'text') => {
      const { sha256, bytes } = contentOf(content)
      const query = new URLSearchParams({ path, sha256, bytes: String(bytes) })
      return farm.manager.call('PUT', `/agent/results/${taskId}/${attempt}?${query}`, {
        raw: Buffer.from(content),
        headers: { ...worker.headers, 'content-type': 'application/octet-stream' },
      })
    }
    expect((await send(bela, 'a')).status).toBe(403)
    expect((await farm.manager.call('PUT', `/agent/results/${taskId}/1?path=a&sha256=${'0'.repeat(64)}&bytes=0`, {})).status).toBe(401)
    for (const path of ['../a', '/etc/a', 'a/../../b', 'C:/a', 'a\\b']) expect((await send(anna, path)).status).toBe(400)
    expect((await send(anna, 'dir/a')).status).toBe(204)
    expect((await farm.results(id)).items).toMatchObject([{ path: 'dir/a', bytes: 4 }])
    await anna.finish({ taskId, attempt }, 'exit-code')
    const [again] = (await bela.take()).assignments
    expect(again?.attempt).toBe(2)
    await bela.report({ taskId, attempt: 2 }, { type: 'started', at: Date.now() })
    const late = await send(anna, 'dir/a', 'late')
    expect(late.status).toBe(409)
    expect(late.body.code).toBe('stale-attempt')
    expect(await farm.read(await farm.results(id), 'dir/a')).toBe('text')
  })

  it('come home after the worker was away: what was not sent is sent at its next start', { timeout: 60_000 }, async () => {
    await farm.manager.call('PATCH', '/settings', { body: { resultsMaxBytes: 1 } })
    await farm.work('anna')
    const { folder } = await farm.send({ 'in/text': 'hello\n' })
    const { id } = await farm.submit(copying(folder, '1-3'))
    // The farm has no room for results; rendering goes on, and the job is not completed before they are home.
    await until(async () => (await farm.results(id)).awaited[0]?.files === 3, 'three files wait on the worker')
    expect((await farm.results(id)).items).toEqual([])
    const waits = await until(async () => {
      const { body } = await farm.manager.get(`/jobs/${id}`)
      return body.counts.completed === 3 ? body : undefined
    })
    expect(waits).toMatchObject({ status: 'active', activity: expect.stringContaining('results are home') })
    await farm.leave('anna')
    await farm.manager.call('PATCH', '/settings', { body: { resultsMaxBytes: 0 } })
    await farm.work('anna')
    expect((await farm.ended(id)).status).toBe('completed')
    expect((await farm.results(id)).items).toHaveLength(3)
  })

  it('are fetched one by one and as a zip file', { timeout: 60_000 }, async () => {
    await farm.work('anna')
    const { folder } = await farm.send({ 'in/text': 'hello\n' })
    const { id } = await farm.submit(copying(folder, '1-2'))
    await farm.ended(id)
    await farm.home(id)
    const one = await farm.manager.get(`/jobs/${id}/results/file?path=out/f_0002.txt`)
    expect(one.text).toBe('hello\n2\n')
    expect(one.headers.get('content-security-policy')).toContain('sandbox')
    expect((await farm.manager.get(`/jobs/${id}/results/file?path=../../framehouse.sqlite`)).status).toBe(400)
    expect((await farm.manager.get(`/jobs/${id}/results/file?path=other`)).status).toBe(404)
    const response = await fetch(`${farm.manager.url}/api/v1/jobs/${id}/results.zip`)
    expect(response.headers.get('content-type')).toBe('application/zip')
    const zip = Buffer.from(await response.arrayBuffer())
    expect(zip.subarray(0, 4)).toEqual(Buffer.from('PK\u0003\u0004'))
    expect(zip.includes('out/f_0001.txt')).toBe(true)
    expect(zip.includes('hello\n2\n')).toBe(true)
    expect(farm.manager.errors).toEqual([])
  })

  it('of an output path outside of the shared folders are refused with the reason', async () => {
    const reply = await farm.manager.call('POST', '/jobs', {
      body: { ...copying('/nowhere', '1'), sendFiles: true, settings: { command: 'true', output_pattern: '/etc/{frame}', frames: '1' } },
    })
    expect(reply.status).toBe(400)
    expect(reply.body.message).toMatch(/none of the farm's shared folders/)
  })

  it('of a job that is purged are removed with it, and nothing else', { timeout: 60_000 }, async () => {
    await farm.work('anna')
    const { folder } = await farm.send({ 'in/text': 'hello\n' })
    const { id } = await farm.submit(copying(folder, '1'))
    await farm.ended(id)
    const { folder: root } = await farm.home(id)
    const { results } = farm.manager.manager.context
    await results.removeJob(join(root ?? '', '..'))
    expect(existsSync(root ?? '')).toBe(true)
    await results.removeJob(root ?? '')
    expect(existsSync(root ?? '')).toBe(false)
  })
})
