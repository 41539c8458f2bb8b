/** The real agavepy against a manager and a worker with real containers: one test for each of suite.py. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { startManager, type Manager } from '../../../src/main/manager.ts'
import { startWorker, type RunningWorker } from '../../../src/main/worker/index.ts'
import { workerParts } from '../../../src/main/worker/parts.ts'
import { agavepyEnvironment } from '../../support/agavepy.ts'
import { containerConfig, type TestImage } from '../../support/containers.ts'
import { requirePart } from '../../support/parts.ts'
import { imageWithCommand, importPython, pythonFacts } from '../../support/pythonImage.ts'

const docker = requirePart('docker')
const python = requirePart('python')
const suite = docker.missing ? docker.describe : python.describe

const here = import.meta.dirname
const SUITE = join(here, 'suite.py')
const NAMES = [...readFileSync(SUITE, 'utf8').matchAll(/^def (test_\w+)/gm)].map(([, name = '']) => name)
/** Not in agavepy 0.9.5. */
const LATER = ['test_aliases']
const VERSIONS = ['0.9.5', '1.0.0a12'] as const

const IMAGES: Readonly<Record<string, readonly string[]>> = {
  probe: ['/bin/python3', '/scripts/probe.py'],
  'abacosamples/test': ['/bin/sh', '/scripts/abaco_test.sh'],
  'abacosamples/wc': ['/bin/python3', '/scripts/wc.py'],
  'abacosamples/py3_func': ['/bin/python3', '/scripts/py3_func.py'],
  'abacosamples/sleep_loop': ['/bin/python3', '/scripts/sleep_loop.py'],
  'abacosamples/sum_reducer': ['/bin/python3', '/scripts/sum_reducer.py'],
}

suite('agavepy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'framehouse-agavepy-'))
  const images: TestImage[] = []
  let manager: Manager
  let worker: RunningWorker | undefined
  const outcomes = new Map<string, Promise<Map<string, string>>>()

  beforeAll(async () => {
    const facts = pythonFacts(python.path)
    const environments = VERSIONS.map((version) => [version, agavepyEnvironment(python.path, version, facts.version)] as const)
    const base = importPython(`framehouse-agavepy-${process.pid}`, facts, environments[1]?.[1].site ?? '', join(here, 'images'))
    images.push(base, ...Object.entries(IMAGES).map(([name, command]) => imageWithCommand(base.name, name, command)))
    const listen = { host: '127.0.0.1', port: 0 }
    manager = await startManager({
      dataDir: join(folder, 'manager'),
      listen,
      tls: listen,
      trustLoopback: true,
      log: silentLogger,
      version: '0.0.0-test',
    })
    worker = await startWorker(
      { managerUrl: manager.url, dataDir: join(folder, 'worker'), name: 'actors', slots: 4, containers: containerConfig() },
      { ...workerParts(), log: silentLogger, version: '0.0.0-test' },
    )
    const { secret: token } = await create(manager, 'tokens', { name: 'agavepy', kind: 'token', role: 'admin', scopes: ['admin'] })
    await create(manager, 'users', { name: 'anna', role: 'artist', password: 'a long enough password' })
    for (const [version, environment] of environments) outcomes.set(version, runSuite(environment.python, manager, token))
  }, 300_000)

  afterAll(async () => {
    await Promise.allSettled(outcomes.values())
    await worker?.stop()
    await manager?.stop()
    for (const image of images.reverse()) image.remove()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }, 60_000)

  for (const version of VERSIONS) {
    for (const name of NAMES.filter((each) => version !== '0.9.5' || !LATER.includes(each))) {
      it(`${version}: ${name.replace('test_', '').replaceAll('_', ' ')}`, { timeout: 300_000 }, async () => {
        const problems = await outcomes.get(version)
        expect(problems?.get(name)).toBe('')
      })
    }
  }
})

/** Runs all tests of the suite; what each of them found wrong, by its name. */
async function runSuite(program: string, { tls }: Manager, token: string): Promise<Map<string, string>> {
  const problems = new Map<string, string>()
  const child = spawn(program, [SUITE, `https://localhost:${tls?.port}`, token], {
    cwd: join(here, 'images'),
    env: { ...process.env, PYTHONPATH: join(here, 'images'), PYTHONWARNINGS: 'ignore', PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue
    // Printed by suite.py.
    const { name, problem } = JSON.parse(line) as { name: string; problem: string }
    problems.set(name, problem)
  }
  return problems
}

async function create({ url }: Manager, what: string, body: object): Promise<{ secret: string }> {
  const reply = await fetch(new URL(`api/v1/${what}`, url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!reply.ok) throw new Error(`${what}: ${reply.status} ${await reply.text()}`)
  // What the API answers is checked elsewhere.
  return (await reply.json()) as { secret: string }
}
