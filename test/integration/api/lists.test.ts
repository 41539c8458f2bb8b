import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillFarm, FIRST_JOB_AT, jobId, workerId } from '../../support/farmRows.ts'
import { openTestServer, type TestServer } from '../../support/testServer.ts'

const JOBS = 237
const TASKS = 12
let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ now: () => FIRST_JOB_AT + 3_600_000 })
  await fillFarm(server.db, { jobs: JOBS, tasksPerJob: TASKS })
})
afterAll(() => server.close())

// Tests look into replies as they know them.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
async function get(path: string): Promise<any> {
  const reply = await fetch(`${server.url}/api/v1${path}`)
  expect(reply.status, await reply.clone().text()).toBe(200)
  return reply.json()
}

const ids = (page: { items: { id: string }[] }) => page.items.map((item) => item.id)

/** All pages one after another. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
async function all(path: string, between?: (page: number) => Promise<void>): Promise<any[]> {
  const items: unknown[] = []
  let cursor: string | null = null
  for (let n = 0; n < 1_000; n++) {
    const page = await get(`${path}${path.includes('?') ? '&' : '?'}${cursor === null ? '' : `cursor=${cursor}`}`)
    items.push(...page.items)
    cursor = page.next
    if (cursor === null) break
    await between?.(n)
  }
  return items
}

let nextId = 10_000
/** A job that appears meanwhile. */
async function insertJob(name: string, createdAt: number, priority = 50): Promise<string> {
  const id = jobId(++nextId)
  await server.db.run(
    `insert into jobs (public_id, origin, owner, name, type, project, priority, status, settings, metadata, policy, created_at, updated_at)
     values (?, 'native', 'local', ?, 'type-0', 'new', ?, 'queued', '{}', '{}', '{}', ?, ?)`,
    [id, name, priority, createdAt, createdAt],
  )
  return id
}

describe('paging through jobs', () => {
  it.each([
    'createdAt',
    '-createdAt',
    'name',
    '-name',
    'priority',
    '-priority',
    'status',
    '-updatedAt',
    '-finishedAt',
    'type',
    'project',
    '-owner',
  ])('by %s shows each once and in order', async (sort) => {
    const seen = await all(`/jobs?limit=17&sort=${sort}`)
    expect(seen).toHaveLength(JOBS)
    expect(new Set(seen.map((job) => job.id)).size).toBe(JOBS)
    const field = sort.replace('-', '')
    const values = seen.map((job) => (field === 'name' ? job.name.toLowerCase() : (job[field] ?? '')))
    const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    expect(values).toEqual(sort.startsWith('-') ? sorted.reverse() : sorted)
  })

  it('shows each of the old jobs exactly once while new ones come in and others change', async () => {
    const wanted = new Set(Array.from({ length: JOBS }, (_, n) => jobId(n + 1)))
    let made = 0
    const seen = await all('/jobs?limit=20&sort=-createdAt', async () => {
      await insertJob(`newcomer ${made++}`, FIRST_JOB_AT + 2_000_000 + made)
      await server.db.run('update jobs set updated_at = updated_at + 5, activity = ? where id % 3 = 0', [`change ${made}`])
    })
    const old = seen.map((job) => job.id).filter((id) => wanted.has(id))
    expect(made).toBeGreaterThan(5)
    expect(old).toHaveLength(JOBS)
    expect(new Set(old).size).toBe(JOBS)
    await server.db.run("delete from jobs where project = 'new'")
  })

  it('counts everything that the filters match, on each page', async () => {
    const first = await get('/jobs?limit=5&status=failed')
    const second = await get(`/jobs?limit=5&status=failed&cursor=${first.next}`)
    expect([first.total, second.total]).toEqual([24, 24])
    expect((await get('/jobs?limit=1')).total).toBe(JOBS)
  })

  it('refuses a cursor of another order', async () => {
    const { next } = await get('/jobs?limit=5&sort=name')
    expect((await fetch(`${server.url}/api/v1/jobs?sort=priority&cursor=${next}`)).status).toBe(400)
  })
})

describe('filters of jobs', () => {
  const count = async (query: string) => (await get(`/jobs?limit=1000&${query}`)).total

  it.each([
    ['status=active', 23],
    ['status=active,queued', 47],
    ['type=type-1', 48],
    ['project=project-3', 20],
    ['owner=user:artist2', 34],
    ['type=type-1&project=project-3', 4],
    ['origin=flamenco', 0],
    ['tag=dddddddd-0000-4000-8000-000000000001', 59],
    ['deleted=true', 0],
  ])('%s → %i', async (query, expected) => {
    expect(await count(query)).toBe(expected)
  })

  it.each([
    ['a word of the name', 'lighting', 79],
    ['any case', 'LIGHTING', 79],
    ['part of a word', 'ghti', 79],
    ['several words, in any field', 'lighting artist3', 12],
    ['a short word', 'fx', 79],
    ['a short and a long one', 'v3 comp', 15],
    ['the project', 'project-11', 19],
    ['quotes and operators as plain text', '"lighting" OR comp', 0],
    ['a percent sign as plain text', '%', 0],
    ['an underscore as plain text', '_0', 237],
    ['nothing of the kind', 'zzz', 0],
    ['an id', jobId(7), 1],
    ['the beginning of ids', 'aaaaaaaa-0000', 237],
  ])('search: %s', async (_what, q, expected) => {
    expect(await count(`q=${encodeURIComponent(q)}`)).toBe(expected)
  })

  it('finds jobs by id, deleted ones only where asked for, and hides unfinished ones', async () => {
    await server.db.run('update jobs set deleted_at = 1 where id = 5')
    await server.db.run("update jobs set status = 'under-construction' where id = 6")
    try {
      expect(ids(await get(`/jobs?ids=${jobId(4)},${jobId(5)},${jobId(6)}`)).sort()).toEqual([jobId(4), jobId(6)])
      expect(ids(await get('/jobs?deleted=true'))).toEqual([jobId(5)])
      expect(await count('')).toBe(JOBS - 2)
      expect(await count('status=under-construction')).toBe(1)
    } finally {
      await server.db.run('update jobs set deleted_at = null where id = 5')
      await server.db.run("update jobs set status = 'completed' where id = 6")
    }
  })

  it('groups count the same jobs', async () => {
    const { items } = await get('/jobs/groups?by=status')
    expect(Object.fromEntries(items.map((item: { value: string; count: number }) => [item.value, item.count]))).toEqual({
      completed: 166,
      active: 23,
      queued: 24,
      failed: 24,
    })
    expect(
      (await get('/jobs/groups?by=tag&status=active')).items.reduce((sum: number, item: { count: number }) => sum + item.count, 0),
    ).toBe(23)
    expect((await get('/jobs/groups?by=project&q=lighting')).items).toHaveLength(4)
  })
})

describe('a job', () => {
  it('is listed with its counts, newest frame, workers and time left', async () => {
    const job = await get(`/jobs/${jobId(10)}`)
    expect(job).toMatchObject({
      id: jobId(10),
      status: 'active',
      counts: { total: 12, queued: 5, active: 1, completed: 6, failed: 0 },
      activeWorkers: [{ id: workerId(8), name: 'worker-8' }],
      frameCount: 6,
      lastFrame: { frame: 6, preview: 'ready' },
    })
    // Five wait, one runs, 30 s each.
    expect(job.etaSeconds).toBe(165)
    expect(job.lastFrame.thumbnailUrl).toMatch(/^\/api\/v1\/frames\/\d+\/thumbnail\?v=\d+$/)
  })

  it('has pages of frames by number or newest first, with totals', async () => {
    const base = `/jobs/${jobId(10)}/frames`
    const framesOf = (query: string) => all(`${base}?${query}`).then((items) => items.map(({ frame }) => frame as number))
    expect(await framesOf('limit=4')).toEqual([1, 2, 3, 4, 5, 6])
    expect(await framesOf('limit=4&order=newest')).toEqual([6, 5, 4, 3, 2, 1])
    expect(await get(`${base}?limit=1`)).toMatchObject({ total: 6 })
    expect(await get(`${base}?task=3`)).toMatchObject({ total: 1, items: [{ frame: 3 }] })
    expect(await get(`${base}?problem=true`)).toMatchObject({ total: 0, items: [] })
  })

  it('has the frame that was rendered last as its newest, also when it was rendered again', async () => {
    const [second] = (await get(`/jobs/${jobId(10)}/frames?task=2`)).items
    await server.db.run('update frames set created_at = created_at + 1000000000 where id = ?', [second.id])
    expect(await get(`/jobs/${jobId(10)}`)).toMatchObject({ lastFrame: { id: second.id } })
    expect((await get('/frames?limit=1')).items).toMatchObject([{ id: second.id }])
    expect((await get(`/jobs/${jobId(10)}/frames?limit=1&order=newest&ready=true`)).items).toMatchObject([{ id: second.id }])
    await server.db.run('update frames set created_at = created_at - 1000000000 where id = ?', [second.id])
  })

  it('has pages of tasks with totals, by status, kind, name and worker', async () => {
    const base = `/jobs/${jobId(2)}/tasks`
    expect((await all(`${base}?limit=5`)).map((task) => task.index)).toEqual(Array.from({ length: TASKS }, (_, n) => n + 1))
    expect((await get(`${base}?limit=5`)).total).toBe(TASKS)
    expect(await get(`${base}?status=failed`)).toMatchObject({
      total: 1,
      items: [{ index: 1, status: 'failed', worker: { name: 'worker-2' } }],
    })
    expect((await get(`${base}?status=failed,soft-failed,completed`)).total).toBe(TASKS)
    expect((await get(`${base}?status=failed,failed`)).total).toBe(1)
    expect((await get(`${base}?kind=blender`)).total).toBe(TASKS)
    expect((await get(`${base}?kind=ffmpeg`)).total).toBe(0)
    expect((await get(`${base}?q=-1`)).items.map((task: { name: string }) => task.name)).toEqual([
      'render-1',
      'render-10',
      'render-11',
      'render-12',
    ])
    expect((await get(`${base}?worker=${workerId(3)}`)).items.map((task: { index: number }) => task.index)).toEqual([2])
  })

  it('has a grid of one letter a task', async () => {
    expect(await get(`/jobs/${jobId(10)}/grid`)).toMatchObject({
      statuses: 'ccccccaqqqqq',
      names: Array.from({ length: TASKS }, (_, n) => `render-${n + 1}`),
      kinds: ['blender'],
      kindOf: Array<number>(TASKS).fill(0),
      frames: Array.from({ length: 6 }, (_, n) => [n + 1, n + 1, expect.any(Number)]),
    })
    expect(await get(`/jobs/${jobId(11)}/grid`)).toMatchObject({ statuses: 'q'.repeat(TASKS), frames: [] })
  })

  it('marks in the grid what was kept or not checked, by the newest file of each frame', async () => {
    await server.db.run('update frames set kept = 1 where job_id = 5 and frame in (1, 3)')
    await server.db.run("update frames set check_state = 'unchecked' where job_id = 5 and frame = 2")
    await server.db.run('update frames set kept = 1, side = 1 where job_id = 5 and frame = 4')
    // Frame 3 was rendered again since.
    await server.db.run(`insert into frames (job_id, task_id, attempt_id, frame, path, preview, created_at)
      select job_id, task_id, attempt_id, frame, path || '.new', 'none', created_at from frames where job_id = 5 and frame = 3`)
    expect((await get(`/jobs/${jobId(5)}/grid`)).marks).toEqual([
      [1, 1, 'k'],
      [2, 2, 'u'],
    ])
    await server.db.run("delete from frames where path like '%.new'")
  })

  it('has frames by number, each once, with and without previews', async () => {
    await server.db.run("update frames set preview = 'none' where job_id = 3 and frame = 4")
    const seen = await all(`/jobs/${jobId(3)}/frames?limit=5`)
    expect(seen.map((frame) => frame.frame)).toEqual(Array.from({ length: TASKS }, (_, n) => n + 1))
    expect(seen[3]).toMatchObject({ preview: 'none', thumbnailUrl: null })
    expect(await all(`/jobs/${jobId(3)}/frames?limit=5&ready=true`)).toHaveLength(TASKS - 1)
    expect((await get(`/jobs/${jobId(3)}/frames?limit=1`)).total).toBe(TASKS)
  })

  it('has a timeline of who ran what when', async () => {
    const seen = await all(`/jobs/${jobId(2)}/timeline?limit=5`)
    expect(seen).toHaveLength(TASKS)
    expect(seen[0]).toMatchObject({ taskName: 'render-1', worker: { name: 'worker-2' }, outcome: 'exit-code' })
    expect(seen.map((item) => item.startedAt)).toEqual([...seen.map((item) => item.startedAt)].sort())
  })

  it('has a graph in which tasks that stand alike are one node', async () => {
    await server.db.exec(`
      insert into task_groups (id, job_id, remaining) values (900, 4, 11);
      update tasks set group_id = 900 where job_id = 4 and idx < 12;
      update tasks set kind = 'video' where job_id = 4 and idx = 12;
      insert into task_group_dependencies (task_id, group_id) select id, 900 from tasks where job_id = 4 and idx = 12;`)
    const graph = await get(`/jobs/${jobId(4)}/graph`)
    expect(graph.nodes).toHaveLength(2)
    expect(graph.nodes[0]).toMatchObject({ label: 'blender × 11', counts: { completed: 11 } })
    expect(graph.nodes[1]).toMatchObject({ label: 'render-12', kind: 'video' })
    expect(graph.edges).toEqual([{ from: graph.nodes[0].id, to: graph.nodes[1].id }])
  })

  it('with edges between single tasks has a node for each', async () => {
    await server.db.exec(`insert into task_dependencies (task_id, depends_on_id)
      select b.id, a.id from tasks a join tasks b on b.job_id = a.job_id and b.idx = a.idx + 1 where a.job_id = 5`)
    const graph = await get(`/jobs/${jobId(5)}/graph`)
    expect(graph.nodes).toHaveLength(TASKS)
    expect(graph.edges).toHaveLength(TASKS - 1)
    expect(graph.edges[0]).toEqual({ from: '1', to: '2' })
  })
})

describe('the whole farm', () => {
  it('shows newest frames first, without those of deleted jobs', async () => {
    const seen = await all('/frames?limit=50&ready=true')
    const ages = seen.map((frame) => Date.parse(frame.createdAt))
    expect(ages.length).toBeGreaterThan(100)
    expect(ages).toEqual([...ages].sort((a, b) => b - a))
    expect(new Set(seen.map((frame) => frame.id)).size).toBe(seen.length)
    await server.db.run('update jobs set deleted_at = 1 where id = 237')
    const after = await get('/frames?limit=1000')
    expect(after.items.some((frame: { jobId: string }) => frame.jobId === jobId(237))).toBe(false)
    await server.db.run('update jobs set deleted_at = null where id = 237')
  })

  it('has statistics that add up', async () => {
    const since = new Date(FIRST_JOB_AT).toISOString()
    const until = new Date(FIRST_JOB_AT + 2 * 3_600_000).toISOString()
    const statistics = await get(`/statistics?since=${since}&until=${until}`)
    const completed = (await server.db.get<{ n: number; s: number }>(
      "select count(*) as n, sum(ended_at - started_at) / 1000 as s from attempts where outcome = 'success'",
    )) ?? { n: 0, s: 0 }
    const sum = (field: string) =>
      statistics.buckets.reduce((total: number, bucket: Record<string, number>) => total + (bucket[field] ?? 0), 0)
    expect(statistics.buckets).toHaveLength(2)
    expect(sum('tasks')).toBe(completed.n)
    expect(sum('frames')).toBe(completed.n)
    expect(sum('failed')).toBe(24)
    expect(statistics.failures).toEqual([{ outcome: 'exit-code', count: 24 }])
    // Finished ones, the failed ones (30 s each), and what still runs, until the end of the span.
    const active =
      (
        await server.db.get<{ s: number }>('select sum(? - started_at) / 1000 as s from attempts where ended_at is null', [
          FIRST_JOB_AT + 2 * 3_600_000,
        ])
      )?.s ?? 0
    expect(sum('busySeconds')).toBeCloseTo(completed.s + 24 * 30 + active, 3)
    expect(statistics.jobs).toHaveLength(100)
    expect(statistics.jobs[0]).toMatchObject({ seconds: 360, frames: expect.any(Number) })
    expect(statistics.jobs[0].cost).toBeCloseTo((0.5 * 360) / 3600)
    expect(statistics.jobs[0].wattHours).toBeCloseTo((300 * 360) / 3600)
    expect(statistics.workers.reduce((total: number, row: { tasks: number }) => total + row.tasks, 0)).toBe(completed.n)
  })

  it('splits an attempt over the hours in which it ran', async () => {
    await server.db.exec(`
      insert into attempts (id, task_id, job_id, number, worker_id, status, outcome, lease_kind, started_at, ended_at) values
        (900001, 1, 1, 2, 1, 'completed', 'success', 'heartbeat', ${FIRST_JOB_AT - 90 * 60_000}, ${FIRST_JOB_AT - 15 * 60_000}),
        (900002, 1, 1, 3, 1, 'completed', 'success', 'heartbeat', ${FIRST_JOB_AT - 30 * 60_000}, ${FIRST_JOB_AT + 30 * 60_000})`)
    const statistics = await get(
      `/statistics?since=${new Date(FIRST_JOB_AT - 2 * 3_600_000).toISOString()}&until=${new Date(FIRST_JOB_AT).toISOString()}`,
    )
    expect(statistics.buckets.map((bucket: { busySeconds: number }) => bucket.busySeconds)).toEqual([30 * 60, 45 * 60 + 30 * 60])
    await server.db.run('delete from attempts where id > 900000')
  })

  it('has an overview in one call', async () => {
    const overview = await get('/overview')
    expect(overview.running.length).toBe(12)
    expect(overview.running[0].status).toBe('active')
    expect(overview.frames).toHaveLength(24)
    expect(overview.utilisation).toHaveLength(24)
    expect(overview.attention.filter((item: { kind: string }) => item.kind === 'job-failed')).toHaveLength(20)
    expect(overview.nextFinish).toMatchObject({ job: { name: expect.any(String) }, at: expect.any(String) })
    expect(overview.status.jobs).toMatchObject({ active: 23, queued: 24 })
  })

  it('averages a long history of a machine', async () => {
    await server.db.exec(`insert into machine_samples (machine_id, at, cpu, memory, gpu)
      select 1, ${FIRST_JOB_AT} + n * 1000, n % 2, 0.5, null from (with recursive s(n) as (select 0 union all select n + 1 from s where n < 3599) select n from s)`)
    const since = new Date(FIRST_JOB_AT).toISOString()
    const { items } = await get(
      `/machines/cccccccc-0000-4000-8000-000000000001/samples?since=${since}&until=${new Date(FIRST_JOB_AT + 3_600_000).toISOString()}`,
    )
    expect(items.length).toBeLessThanOrEqual(500)
    expect(items.length).toBeGreaterThan(400)
    expect(items[0].cpu).toBeCloseTo(0.5, 0)
    expect(items[0].gpu).toBeNull()
  })
})
