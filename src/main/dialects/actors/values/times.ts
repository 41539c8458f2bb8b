/** Times on the wire: UTC with milliseconds, `2020-05-01T14:45:41.591Z`. Pure. */
export const wireTime = (ms: number): string => new Date(ms).toISOString()

/** Workers and nonces say the word None for what never happened. */
export const wireTimeOrNone = (ms: number | null): string => (ms === null ? 'None' : wireTime(ms))
