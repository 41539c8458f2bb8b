/** Where the built page lies, and an address at which to call a listener. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** out/renderer beside out/main, from the bundle as from the sources. */
export function builtGuiFolder(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    for (const candidate of [join(folder, 'renderer'), join(folder, 'out', 'renderer')]) {
      if (existsSync(join(candidate, 'index.html')) && !candidate.endsWith(join('src', 'renderer'))) return candidate
    }
    if (dirname(folder) === folder) return undefined
    folder = dirname(folder)
  }
}

/** An address to call for one to listen on. */
export function callableHost(host: string): string {
  if (host === '0.0.0.0' || host === '*' || host === '') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
