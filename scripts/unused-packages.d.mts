export function unusedPackages(sources: Iterable<string>, packages: readonly string[]): string[]
