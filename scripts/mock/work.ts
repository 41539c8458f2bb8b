/** The workers of `npm run dev -- --mock` after their day: they go on in real time, as long as this program runs. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { RefusedError } from './api.ts'
import { WORKERS } from './day.ts'
import { MEMORY_FILE } from './farm.ts'
import { MockWorker, type MockClock, type WorkerMemory } from './worker.ts'

const TAKE_MS = 15_000
const AGAIN_MS = 1_000

const { values } = parseArgs({ options: { data: { type: 'string' }, manager: { type: 'string' } } })
const { data, manager } = values
if (data === undefined || manager === undefined) throw new Error('--data and --manager are needed')
process.once('disconnect', () => process.exit(0))

const clock: MockClock = {
  now: Date.now,
  after(ms, what) {
    // What could not be reported while the manager was away is reported when it is back.
    setTimeout(() => void what().catch(() => this.after(AGAIN_MS, what)), ms)
  },
}

const memories: WorkerMemory[] = JSON.parse(await readFile(join(data, MEMORY_FILE), 'utf8'))
process.stdout.write('\n')
await Promise.all(memories.map(work))

async function work(memory: WorkerMemory): Promise<void> {
  const plan = WORKERS.find(({ name }) => name === memory.name)
  if (!plan) return
  const worker = new MockWorker(plan, manager ?? '', clock, memory)
  worker.resume()
  for (let signedOn = false; ;) {
    try {
      if (!signedOn) await worker.signOn()
      signedOn = true
      await worker.take(TAKE_MS)
    } catch (error) {
      // A manager that starts again wants to know who is there; one that refuses says why, once in a while.
      if (error instanceof RefusedError && error.status !== 503) process.stderr.write(`${memory.name}: ${error.message}\n`)
      signedOn = false
      await sleep(AGAIN_MS)
    }
  }
}
