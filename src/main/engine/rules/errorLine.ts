/** Finds the line of a failed attempt's log that best explains the failure. Pure. */

/** How much of the end of a log is examined. */
export const TAIL_CHARS = 4_096
const LONGEST = 300

const SAYS_WHY =
  /\b(error|exception|fatal|failed|failure|cannot|can't|could not|no such|not found|denied|unable|invalid|killed|segfault|out of memory)\b/i
/** Lines that programs always write last. */
const SAYS_NOTHING = /^(blender quit|warning: exit|\s*)$/i

/** The last line that names an error, otherwise the last informative one; undefined when there is none. */
export function errorLine(tail: string): string | undefined {
  const lines = tail
    .split(/[\r\n]+/)

    .map((line) => line.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '').trim())
    .filter((line) => !SAYS_NOTHING.test(line))
  const line = lines.findLast((each) => SAYS_WHY.test(each)) ?? lines.at(-1)
  return line === undefined || line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`
}
