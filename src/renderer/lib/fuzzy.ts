/** How well `text` answers `query`: letters in order, runs and word starts count more. −1: not at all. Pure. */
export function fuzzyScore(query: string, text: string): number {
  const q = query.trim().toLowerCase()
  if (q === '') return 0
  const t = text.toLowerCase()
  const whole = t.indexOf(q)
  if (whole >= 0) return 1000 - whole - t.length * 0.1 + (whole === 0 ? 200 : 0)
  let at = -1
  let score = 0
  for (const letter of q) {
    if (letter === ' ') continue
    const next = t.indexOf(letter, at + 1)
    if (next < 0) return -1
    if (next === at + 1) score += 6
    if (next === 0 || /[\s\-_./]/.test(t[next - 1] ?? '')) score += 8
    score -= Math.min(10, next - at - 1) * 0.5
    at = next
  }
  return score
}
