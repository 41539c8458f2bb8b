// `npm run typecheck [-- PROJECT …]`: the Node side with tsc; what lives in a browser (Vue, DOM types) by its own tsconfigs, with vue-tsc.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const checks = [['typescript/bin/tsc', '.']]
for (const folder of ['src/renderer', 'src/preload', 'test/unit/renderer', 'test/e2e', 'test/electron']) {
  if (existsSync(join(root, folder, 'tsconfig.json'))) checks.push(['vue-tsc/bin/vue-tsc.js', folder])
}

const wanted = process.argv.slice(2)
let status = 0
for (const [program, project] of checks) {
  if (wanted.length > 0 && !wanted.includes(project)) continue
  // What it found is kept, so that the next check looks at what changed since.
  const buildInfo = join('.framehouse', 'typecheck', `${project.replaceAll('/', '-')}.tsbuildinfo`)
  const args = [join(root, 'node_modules', program), '--noEmit', '--incremental', '--tsBuildInfoFile', buildInfo, '-p', project]
  const run = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  status ||= run.status ?? 1
}
process.exitCode = status
