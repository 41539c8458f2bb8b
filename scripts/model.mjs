// `npm run model [sequences]`: plays so many random sequences against the engine and its store (default 10,000; about 20 minutes).
// FRAMEHOUSE_MODEL_SEED repeats a run.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const args = ['run', '--project', 'integration', 'test/integration/engine/model.test.ts', '--reporter', 'default']
const env = { ...process.env, FRAMEHOUSE_MODEL_RUNS: process.argv[2] ?? '10000' }
const { status } = spawnSync(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), ...args], {
  cwd: root,
  env,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
