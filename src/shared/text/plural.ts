/** English plurals for messages. Pure. */

/** `1 worker`, `3 workers`; `many` for irregular plurals. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** `1 worker is busy`, `3 workers are busy`: a count with its verb. */
export function pluralDo(count: number, thing: string, one: string, many: string): string {
  return `${plural(count, thing)} ${count === 1 ? one : many}`
}
