/** Lines of an attempt's log, fetched in blocks around what is in sight. A log of 1 GB costs as much as the lines seen. */
import { API_BASE, addressOf } from '../../../shared/operations/operation.ts'
import { getLog, getLogLines, searchLog } from '../../../shared/operations/jobs/logs.ts'
import { call } from '../../api/client.ts'
import type { LogMatches as Matches } from '../../../shared/schemas/jobs/log.ts'
import type { LogLine } from '../../../shared/schemas/jobs/log.ts'

export const BLOCK = 400
const KEEP_BLOCKS = 60

export class LogSource {
  /** Lines known so far. */
  total = 0
  private readonly blocks = new Map<number, LogLine[]>()
  private readonly pending = new Set<number>()
  private stopped = false

  constructor(
    readonly taskId: string,
    readonly attempt: number,
    private readonly onChange: () => void,
  ) {}

  private get params(): { taskId: string; attempt: number } {
    return { taskId: this.taskId, attempt: this.attempt }
  }
  get downloadUrl(): string {
    return `${API_BASE}${addressOf(getLog, this.params)}`
  }

  stop(): void {
    this.stopped = true
  }

  line(index: number): LogLine | undefined {
    return this.blocks.get(Math.floor(index / BLOCK))?.[index % BLOCK]
  }

  /** Fetches what is missing of lines [first, last). */
  async need(first: number, last: number): Promise<void> {
    const wanted: number[] = []
    for (let block = Math.floor(Math.max(0, first) / BLOCK); block * BLOCK < Math.min(last, this.total); block++) {
      const have = this.blocks.get(block)
      const full = Math.min(BLOCK, this.total - block * BLOCK)
      if ((!have || have.length < full) && !this.pending.has(block)) wanted.push(block)
    }
    await Promise.all(wanted.map((block) => this.fetchBlock(block)))
  }

  /** Asks for the end of the log: sets `total`, and has its last lines. */
  async refreshEnd(): Promise<void> {
    await this.fetchBlock(Math.floor(this.total / BLOCK))
    // A log that is read for the first time, or that ran far ahead: go to its real end.
    const lastBlock = Math.floor(Math.max(0, this.total - 1) / BLOCK)
    if (!this.blocks.has(lastBlock)) await this.fetchBlock(lastBlock)
  }

  private async fetchBlock(block: number): Promise<void> {
    if (this.pending.has(block) || this.stopped) return
    this.pending.add(block)
    try {
      const reply = await call(getLogLines, { params: this.params, query: { from: block * BLOCK, count: BLOCK } })
      if (this.stopped) return
      this.total = Math.max(this.total, reply.total)
      this.blocks.delete(block)
      this.blocks.set(block, reply.lines)
      for (const oldest of this.blocks.keys()) {
        if (this.blocks.size <= KEEP_BLOCKS) break
        this.blocks.delete(oldest)
      }
      this.onChange()
    } finally {
      this.pending.delete(block)
    }
  }

  /** One step of a search from line `from`; the server scans a bounded part and says how far it came. */
  search(
    pattern: string,
    options: { regex: boolean; caseSensitive: boolean; from: number; limit: number },
    signal: AbortSignal,
  ): Promise<Matches> {
    const { caseSensitive, ...rest } = options
    return call(searchLog, { params: this.params, query: { q: pattern, case: caseSensitive, ...rest }, signal })
  }
}

/**
 * What "jump to errors" asks the server for, and what is coloured as one. Not the farm's own line about a change of status
 * (`soft-failed -> active` opens each retry), and not that there were none. Ends of words only: `ValueError` is one, too.
 */
export const ERROR_PATTERN =
  '(?<!\\b(?:0|no) )(?:error|exception)s?\\b|\\b(?:fatal|traceback|failed|no such file|permission denied|segmentation fault|out of memory)\\b(?<!task changed status .*)'
const ERROR = new RegExp(ERROR_PATTERN, 'i')
const WARNING = /\bwarn(ing)?\b/i
/** How a line is coloured. Only words are looked at; what a renderer means by them is for people to judge. */
export function severity(text: string): 'error' | 'warning' | 'plain' {
  if (ERROR.test(text)) return 'error'
  return WARNING.test(text) ? 'warning' : 'plain'
}
