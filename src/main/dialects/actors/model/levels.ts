/** What a user may do with an actor, an alias or a config; a higher level includes the lower ones. Pure. */
export const LEVELS = ['NONE', 'READ', 'EXECUTE', 'UPDATE'] as const
export type LevelName = (typeof LEVELS)[number]
export const READ = 1
export const EXECUTE = 2
export const UPDATE = 3

export const levelName = (level: number): LevelName => LEVELS[level] ?? 'NONE'

/** Undefined: no such level. */
export function parseLevel(text: unknown): number | undefined {
  const at = typeof text === 'string' ? LEVELS.findIndex((name) => name === text.toUpperCase()) : -1
  return at < 0 ? undefined : at
}

/** The user that stands for everyone of a tenant. */
export const WORLD = 'ABACO_WORLD'
