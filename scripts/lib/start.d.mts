export function chooseStart(machine: {
  root: string
  platform: string
  env: Record<string, string | undefined>
}): { kind: 'desktop'; electron: string } | { kind: 'headless'; why: string }
