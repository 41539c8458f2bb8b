/** The examples of docs/api.md, run as they stand there, one after another in one shell. */
import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { JQ } from '../../support/jq.ts'
import { LiveManager } from '../../support/liveManager.ts'
import { requirePart } from '../../support/parts.ts'

const curl = requirePart('curl')
let farm: LiveManager
beforeAll(async () => {
  farm = await LiveManager.start()
})
afterAll(() => farm.stop())

/** Blocks of \`\`\`sh that call curl, in order; those after the mark need a task that has run. */
async function examples(): Promise<{ text: string; afterRun: boolean }[]> {
  const page = await readFile(new URL('../../../docs/api.md', import.meta.url), 'utf8')
  return [...page.matchAll(/(<!-- needs a task that has run -->\n)?```sh\n([\s\S]*?)```/g)].map((match) => ({
    text: (match[2] ?? '').replaceAll('http://localhost:8080', farm.url),
    afterRun: match[1] !== undefined,
  }))
}

curl.describe('docs/api.md', () => {
  it('has examples that work', async () => {
    const blocks = await examples()
    expect(blocks.length).toBeGreaterThan(8)
    const jq = join(farm.folder, 'jq.cjs')
    await writeFile(jq, JQ)
    const script = [
      'set -euo pipefail',
      // A reply that is an error ends the script with its text.
      'curl() { command curl --silent --show-error --fail-with-body --max-time 30 "$@"; }',
      `jq() { "${process.execPath}" "${jq}" "$@"; }`,
      // Replies end without a newline, so the question begins with one.
      ...blocks.map(({ text, afterRun }) => (afterRun ? `printf '\\nran? %s\\n' "$TASK"; read -r _\n${text}` : text)),
      'echo "all done"',
    ].join('\n')
    const output = await run(script)
    expect(output).toContain('all done')
    expect(output).toContain('"matches":[{"line":0')
    expect(output).toContain('event: end')
    expect(output).toContain('"actor":"token:nightly script"')
    expect(output).toContain('"actor":"key:add-ons"')
  })
})

/** Runs the script; where it asks whether the task has run, a worker runs it first. */
function run(script: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const shell = spawn('bash', ['-c', script])
    let output = ''
    let asked = false
    const fail = (error: Error): void => {
      shell.kill()
      reject(error)
    }
    const onData = (chunk: Buffer): void => {
      output += chunk.toString()
      const task = /^ran\? (\S+)$/m.exec(output)?.[1]
      if (task === undefined || asked) return
      asked = true
      runTask(task).then(() => shell.stdin.write('yes\n'), fail)
    }
    shell.stdout.on('data', onData)
    shell.stderr.on('data', onData)
    shell.on('error', fail)
    shell.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`ended with ${code}:\n${output.slice(-2_000)}`))))
  })
}

async function runTask(taskId: string): Promise<void> {
  const worker = await farm.worker('documented')
  const assignment = (await worker.take(1, 5_000)).assignments.find((each) => each.taskId === taskId)
  if (!assignment) throw new Error(`${taskId} was not handed out`)
  await worker.log(assignment, 'hello\n')
  await worker.finish(assignment)
}
