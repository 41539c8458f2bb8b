export function releaseSection(text: string, version: string, date: string): { text: string; notes: string }
export function isLater(a: string, b: string): boolean
