export function rawGlob(
  from: string,
  pattern: string,
  options: { query?: string; import?: string; eager?: boolean },
): Record<string, string>
