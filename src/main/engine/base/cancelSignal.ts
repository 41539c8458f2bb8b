/** How a caller that no longer waits is noticed. */

/** The used part of an AbortSignal. Creating a real one costs microseconds, so a caller that needs one per call may pass less. */
export interface CancelSignal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}
