export const MAX_LINES: number
export const MAX_FILES: number
export function tooLarge(files: Map<string, number>, exempt?: Set<string>): string[]
