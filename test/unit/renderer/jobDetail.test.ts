import { createPinia } from 'pinia'
import { createRenderer, ref } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { provideJob, type JobDetail } from '../../../src/renderer/features/job/jobDetail.ts'
import { useLive } from '../../../src/renderer/stores/live.ts'
import { taskPublicId } from '../../../src/shared/ids.ts'

const JOB = '0190a000-0000-7000-8000-000000000001'

class FakeSocket {
  static readonly OPEN = 1
  static last: FakeSocket | undefined
  readonly readyState = FakeSocket.OPEN
  onopen: (() => void) | undefined
  onmessage: ((message: { data: string }) => void) | undefined
  constructor() {
    FakeSocket.last = this
  }
  send(): void {}
  close(): void {}
}

/** Grids that were asked for, each waiting for its answer. */
let asked: ((statuses: string) => void)[]
let detail: JobDetail
let unmount: () => void

beforeEach(() => {
  asked = []
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('location', { protocol: 'http:', host: 'farm' })
  vi.stubGlobal('requestAnimationFrame', (draw: () => void) => draw())
  vi.stubGlobal('fetch', (url: string) => {
    if (!url.endsWith('/grid')) return Promise.resolve(Response.json({}, { status: 500 }))
    return new Promise((resolve) => {
      asked.push((statuses) => {
        const names = [...statuses].map((_, index) => `render-${index + 1}`)
        resolve(Response.json({ statuses, names, kinds: ['blender'], kindOf: names.map(() => 0), frames: [], marks: [] }))
      })
    })
  })
  // A page without a document: what is drawn goes nowhere.
  const { createApp } = createRenderer<object, object>({
    createElement: () => ({}),
    createText: () => ({}),
    createComment: () => ({}),
    insert() {},
    remove() {},
    setText() {},
    setElementText() {},
    patchProp() {},
    parentNode: () => null,
    nextSibling: () => null,
  })
  const app = createApp({
    setup() {
      useLive().start()
      detail = provideJob(ref(JOB))
      return () => null
    },
  })
  app.use(createPinia()).mount({})
  unmount = () => app.unmount()
})
afterEach(() => {
  unmount()
  vi.unstubAllGlobals()
})

function taskBecomes(index: number, status: string): void {
  const event = { type: 'task', at: 1, jobId: JOB, taskId: taskPublicId(JOB, index), status, previousStatus: null, workerId: null }
  FakeSocket.last?.onmessage?.({ data: JSON.stringify(event) })
}
const shown = () => detail.model.value && Array.from(detail.model.value.states, (_, cell) => detail.model.value?.stateOf(cell))

describe('the grid of a job', () => {
  it('shows what became of tasks while it was on its way', async () => {
    expect(asked).toHaveLength(1)
    taskBecomes(2, 'completed')
    asked[0]?.('aaq')
    await vi.waitFor(() => expect(shown()).toEqual(['running', 'done', 'queued']))
  })

  it('is asked for again when the job grew meanwhile', async () => {
    taskBecomes(4, 'queued')
    asked[0]?.('ccc')
    await vi.waitFor(() => expect(asked).toHaveLength(2))
    asked[1]?.('cccq')
    await vi.waitFor(() => expect(shown()).toEqual(['done', 'done', 'done', 'queued']))
  })
})
