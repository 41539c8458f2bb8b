/**
 * Text from others (names, messages, job output) may contain terminal control sequences: they move the cursor over printed text,
 * change the window title, or inject input. They are shown as visible characters instead. Pure.
 */

/** The sequences that our own output uses: colours, and clearing the rest of a redrawn line. */
const CONTROL = /\u001b\[(?:\d{1,3}(?:;\d{1,3}){0,4})?[mK]|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g
const ANY_CONTROL = /\r(?!\n)|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** Prepares text for a terminal: keeps colours and line redraws, makes all other control sequences visible. */
export function safeForTerminal(text: string): string {
  return text.replace(CONTROL, (found) => (found.length > 1 ? found : visible(found)))
}

/** Prepares job output for a terminal: every control sequence is disabled. A line that the job redrew becomes a new line. */
export function safeLog(text: string): string {
  return text.replace(ANY_CONTROL, (found) => (found === '\r' ? '\n' : visible(found)))
}

/** Control pictures for C0 (␛ for ESC), the code point for the others. */
function visible(character: string): string {
  const code = character.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  if (code === 0x7f) return '\u2421'
  return `<${code.toString(16).padStart(4, '0')}>`
}
