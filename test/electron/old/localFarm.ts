/**
 * The farm in this program, for the old runtime: its Node cannot run the manager, so `framehouse both` runs on the system's Node
 * (FRAMEHOUSE_NODE names it) and ends with its IPC channel. Replaces src/main/desktop/farm/localFarm.ts.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { FarmHost, LocalFarmOptions } from '../../../src/main/desktop/farm/host.ts'

const NAME = 'this-machine'

export async function openLocalFarm({ dataDir, programDir, env }: LocalFarmOptions): Promise<FarmHost> {
  const node = env['FRAMEHOUSE_NODE']
  if (!node) throw new Error('FRAMEHOUSE_NODE does not name a Node')
  const args = [join(programDir, 'headless.js'), 'both', '--data', dataDir, '--listen', '127.0.0.1:0', '--name', NAME, '--json']
  const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env: { ...env, FRAMEHOUSE_SUPERVISED: '1' } })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const match = /"url":\s*"([^"]+)"/.exec(text)
      if (match?.[1]) resolve(match[1])
    })
    child.once('exit', (code) => reject(new Error(`the manager ended with ${code}`)))
  })
  return {
    mode: 'here',
    origin: url,
    managerUrl: () => url,
    apiUrl: url,
    headers: {},
    workerName: NAME,
    // The program beside has it in its hands.
    startWorker() {},
    ownWorker: null,
    cookie: null,
    heard() {},
    wokeUp() {},
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
