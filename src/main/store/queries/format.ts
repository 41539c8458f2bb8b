/** Columns in the API's format. */

/** RFC 3339 in UTC. */
export function time(ms: number): string {
  return new Date(ms).toISOString()
}

export function timeOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

/** A JSON column; `fallback` when it is empty or invalid (written by another version). */
export function json<T>(text: string | null, fallback: T): T {
  if (text === null) return fallback
  try {
    // The column contains what our own writers stored; its shape is the caller's assertion.
    return JSON.parse(text) as T
  } catch {
    return fallback
  }
}

/** Comma-separated words of a query parameter, without empty ones. Undefined when there are none. */
export function words(text: string | undefined): string[] | undefined {
  const list = (text ?? '').split(',').flatMap((word) => word.trim() || [])
  return list.length > 0 ? list : undefined
}
