/** What scripts may ask of the host: pure helpers on plain values. No file, no network, no process beyond its name. */
import { flamencoFrameChunks, flamencoFrameCount } from '../../../shared/frames/flamencoFrames.ts'
import { blenderFrameArguments, boundsOf, chunkFrames, framesIn, parseFrameRange } from '../../../shared/frames/frameRange.ts'
import { globLiteral, placePath, safeName } from '../../../shared/paths/jobPaths.ts'
import { shellSplit } from '../../../shared/text/shellWords.ts'
import type { FileTable, ScriptLine } from './protocol.ts'
import { resolveModule } from '../scripts/scriptModules.ts'

/** A script that prints in a loop must not fill the log. */
const MAX_LINES = 500
const MAX_LINE_LENGTH = 2_000

/** Answers one call: arguments and result are JSON values. @throws errors whose message the script sees */
export type HostCalls = (name: string, args: readonly unknown[]) => unknown

/** `lines` collects what the script prints. */
export function createHostCalls(files: FileTable, lines: ScriptLine[]): HostCalls {
  function print(level: ScriptLine['level'], args: readonly unknown[]): void {
    if (lines.length > MAX_LINES) return
    const text = lines.length === MAX_LINES ? '… the script printed more lines than are kept' : args.map(asText).join(' ')
    lines.push({ level, text: text.slice(0, MAX_LINE_LENGTH) })
  }

  return (name, args) => {
    const [first, second] = args
    switch (name) {
      case 'print':
        return print('debug', args)
      case 'alert':
        return print('warn', args)
      case 'frameChunker':
        // As one text: the sandbox splits faster than it parses.
        return flamencoFrameChunks(asText(first), Number(second ?? 0)).join(';')
      case 'frameCount':
        return flamencoFrameCount(asText(first))
      case 'frames.chunks':
        return chunkFrames(asText(first), Number(second ?? 0)).join(';')
      case 'frames.facts': {
        const runs = parseFrameRange(asText(first))
        return { count: framesIn(runs), ...boundsOf(runs) }
      }
      case 'frames.forBlender':
        return blenderFrameArguments(asText(first))
      case 'path.place':
        return placePath(asText(first), typeof second === 'string' && second !== '' ? second : undefined)
      case 'path.safeName':
        return safeName(asText(first))
      case 'path.globLiteral':
        return globLiteral(asText(first))
      case 'formatTimestampLocal':
        return formatTimestampLocal(typeof first === 'number' ? first : Number.NaN)
      case 'shellSplit':
        return shellSplit(asText(first))
      case 'resolve':
        return resolveModule(files, asText(first), asText(second)) ?? null
      default:
        throw new Error(`the sandbox has no function "${name}"`)
    }
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : String(value)
}

/** `YYYY-MM-DD_HHMMSS` in the manager's time zone. `time`: milliseconds since the epoch. */
export function formatTimestampLocal(time: number): string {
  if (Number.isNaN(time)) throw new Error('formatTimestampLocal(time): this is not a time')
  const date = new Date(time)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day}_${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`
}
