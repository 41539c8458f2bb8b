export function importersOf(sources: Map<string, string>, others: readonly string[]): Map<string, Set<string>>
export function reachOf(importers: Map<string, Set<string>>, changed: readonly string[]): Map<string, number>
export function chooseTests(options: {
  importers: Map<string, Set<string>>
  changed: readonly string[]
  tests: readonly string[]
  seconds: Readonly<Record<string, number>>
  budgetSeconds: number
}): { run: string[]; leftOut: { file: string; why: 'time' | 'build' }[] }
export function projectsOf(changed: readonly string[]): string[]
