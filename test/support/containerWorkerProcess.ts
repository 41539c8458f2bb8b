/** A worker for containers as a process of its own, so that tests can kill it: `… MANAGER_URL DATA_DIR SLOTS CONFIG`. */
import { startWorker } from '../../src/main/worker/index.ts'
import { workerParts } from '../../src/main/worker/parts.ts'
import { containerConfig } from './containers.ts'

const [managerUrl = '', dataDir = '', slots = '1', config = '{}'] = process.argv.slice(2)
const say = (level: string) => (facts: object, message: string) => {
  const error = 'err' in facts && facts.err instanceof Error ? ` ${facts.err.message}` : ''
  process.stdout.write(`${level} ${message}${error}\n`)
}
const worker = await startWorker(
  { managerUrl, dataDir, slots: Number(slots), name: 'containers', containers: containerConfig(JSON.parse(config)) },
  { ...workerParts(), log: { debug() {}, info: say('info'), warn: say('warn'), error: say('error') }, version: '0.0.0-test' },
)
process.once('SIGTERM', () => void worker.stop())
await worker.ended
