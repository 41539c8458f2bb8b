/** Clients of other projects from PyPI, each in a virtual environment of its own that is made once. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const PYCOLONIES = 'pycolonies==1.0.25'
/** boto3 and the AWS CLI share a library, so their versions belong together. */
const S3_CLIENTS = ['boto3==1.44.8', 'awscli==1.46.3', PYCOLONIES]
const INSTALL_TIMEOUT_MS = 300_000
const ROOT = join(import.meta.dirname, '../..')

/** The Python program that can import pycolonies; empty when it cannot be had, and why on stderr. */
export function findPycolonies(): string {
  try {
    return environment(PYCOLONIES.replace('==', '-'), [PYCOLONIES])
  } catch (error) {
    process.stderr.write(`cannot install ${PYCOLONIES}: ${String(error)}\n`)
    return ''
  }
}

/** Python with boto3, and the AWS CLI. @throws Error when they cannot be installed */
export function s3Clients(): { python: string; aws: string } {
  const python = environment('s3-clients', S3_CLIENTS)
  return { python, aws: join(dirname(python), process.platform === 'win32' ? 'aws.cmd' : 'aws') }
}

/** The Python program of an environment with these packages. @throws Error when they cannot be installed */
function environment(name: string, packages: readonly string[]): string {
  const folder = join(ROOT, '.venv', name)
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  const complete = join(folder, 'complete')
  if (existsSync(complete)) return python
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(ROOT, '.venv'), { recursive: true })
  const run = (program: string, ...args: string[]): void => {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: INSTALL_TIMEOUT_MS })
  }
  run('python3', '-m', 'venv', folder)
  run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages)
  writeFileSync(complete, '')
  return python
}
