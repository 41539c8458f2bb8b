interface Lock {
  packages: Record<string, { dev?: boolean; devOptional?: boolean; dependencies?: Record<string, string> }>
}
export function shippedPackages(lock: Lock, bundled: readonly string[]): string[]
export function importedPackages(sources: Iterable<string>): string[]
