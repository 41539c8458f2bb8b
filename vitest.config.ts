import { defineConfig } from 'vitest/config'

/** One project a kind of test, so that each can be run alone: `npx vitest run --project unit`. */
function project(name: string, timeoutMs: number) {
  return {
    extends: true as const,
    test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: timeoutMs, hookTimeout: timeoutMs },
  }
}

export default defineConfig({
  test: {
    // Processes, not threads: sqlite3 and sharp are native, and some tests change the environment or the folder.
    pool: 'forks',
    maxWorkers: 2,
    reporters: process.stdout.isTTY ? ['default'] : ['dot'],
    restoreMocks: true,
    // Conditions are waited for as long as a machine that is busy elsewhere may need.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      project('unit', 10_000),
      project('integration', 120_000),
      project('conformance', 60_000),
      project('e2e', 180_000),
      project('electron', 120_000),
    ],
  },
})
