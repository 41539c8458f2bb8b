/** What a container used: the engine's samples, one a second, folded into sums and peaks. */
import type { Readable } from 'node:stream'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'

/** Null where the container was shorter than a sample. */
export interface Usage {
  cpuSeconds: number | null
  /** The part of it outside the kernel. */
  userCpuSeconds: number | null
  peakMemoryBytes: number | null
  ioReadBytes: number | null
  ioWriteBytes: number | null
  networkReceivedBytes: number | null
  networkSentBytes: number | null
}

export const NO_USAGE: Usage = {
  cpuSeconds: null,
  userCpuSeconds: null,
  peakMemoryBytes: null,
  ioReadBytes: null,
  ioWriteBytes: null,
  networkReceivedBytes: null,
  networkSentBytes: null,
}

const count = Type.Optional(Type.Number())
/** As much of a sample as is used; everything may be missing (an ended container, cgroup 1 or 2). */
const Sample = Type.Object({
  cpu_stats: Type.Optional(Type.Object({ cpu_usage: Type.Optional(Type.Object({ total_usage: count, usage_in_usermode: count })) })),
  memory_stats: Type.Optional(Type.Object({ usage: count, max_usage: count })),
  blkio_stats: Type.Optional(
    Type.Object({
      io_service_bytes_recursive: Type.Optional(
        Type.Union([Type.Null(), Type.Array(Type.Object({ op: Type.String(), value: Type.Number() }))]),
      ),
    }),
  ),
  networks: Type.Optional(Type.Record(Type.String(), Type.Object({ rx_bytes: count, tx_bytes: count }))),
})
export type Sample = Static<typeof Sample>

const NANO = 1_000_000_000

/** Usage after one more sample: counters only grow, so the largest counts. A sample of an ended container has zeros and changes nothing. */
export function foldSample(usage: Usage, sample: Sample): Usage {
  const cpu = sample.cpu_stats?.cpu_usage?.total_usage ?? 0
  if (cpu <= 0) return usage
  const io = (name: string) =>
    (sample.blkio_stats?.io_service_bytes_recursive ?? [])
      .filter(({ op }) => op.toLowerCase() === name)
      .reduce((sum, { value }) => sum + value, 0)
  const network = (name: 'rx_bytes' | 'tx_bytes') => Object.values(sample.networks ?? {}).reduce((sum, each) => sum + (each[name] ?? 0), 0)
  const memory = Math.max(sample.memory_stats?.max_usage ?? 0, sample.memory_stats?.usage ?? 0)
  return {
    cpuSeconds: largest(usage.cpuSeconds, cpu / NANO),
    userCpuSeconds: largest(usage.userCpuSeconds, (sample.cpu_stats?.cpu_usage?.usage_in_usermode ?? 0) / NANO),
    peakMemoryBytes: memory > 0 ? largest(usage.peakMemoryBytes, memory) : usage.peakMemoryBytes,
    ioReadBytes: largest(usage.ioReadBytes, io('read')),
    ioWriteBytes: largest(usage.ioWriteBytes, io('write')),
    networkReceivedBytes: largest(usage.networkReceivedBytes, network('rx_bytes')),
    networkSentBytes: largest(usage.networkSentBytes, network('tx_bytes')),
  }
}

function largest(before: number | null, now: number): number {
  return Math.max(before ?? 0, now)
}

/** Until the first sample is asked for: what is shorter costs the engine nothing. */
const FIRST_SAMPLE_MS = 1000

/** Follows the samples of a container from a second after its start. */
export class UsageWatch {
  #usage = NO_USAGE
  #stream: Readable | undefined
  #ended = false
  #timer: NodeJS.Timeout | undefined

  constructor(private readonly open: () => Promise<Readable>) {}

  /** The container runs (again, after its engine was away). */
  start(): void {
    clearTimeout(this.#timer)
    this.#stream?.destroy()
    this.#timer = setTimeout(() => {
      // No numbers are no reason to fail a run.
      this.open().then(
        (stream) => this.#follow(stream),
        () => undefined,
      )
    }, FIRST_SAMPLE_MS)
  }

  /** Ends the watch; what was seen so far. */
  stop(): Usage {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#stream?.destroy()
    return this.#usage
  }

  #follow(stream: Readable): void {
    if (this.#ended) return void stream.destroy()
    this.#stream = stream
    let rest = ''
    stream.on('error', () => undefined)
    stream.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#add(line)
    })
  }

  #add(line: string): void {
    if (line.trim() === '') return
    try {
      const sample: unknown = JSON.parse(line)
      if (Value.Check(Sample, sample)) this.#usage = foldSample(this.#usage, sample)
    } catch {
      // Half a line at the end of the connection.
    }
  }
}
