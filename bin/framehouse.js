#!/usr/bin/env node
// The command `framehouse` of a clone or an installed package: runs the built program, or says how to build it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..')
const program = join(root, 'out', 'main', 'headless.js')

if (existsSync(program)) {
  await import(pathToFileURL(program).href)
} else {
  process.stderr.write(`framehouse is not built yet. Build it in ${root} with\n\n  npm ci && npm run build\n\n(npm run demo does both.)\n`)
  process.exitCode = 1
}
