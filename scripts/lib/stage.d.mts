export function runtimePackages(lock: { packages: Record<string, { dev?: boolean; devOptional?: boolean }> }): string[]
export function stage(root: string, target: string): void
