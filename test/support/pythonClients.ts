/** Clients of other projects from PyPI, each in a virtual environment of its own that is made once. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PYCOLONIES = 'pycolonies==1.0.25'
const INSTALL_TIMEOUT_MS = 300_000
const ROOT = join(import.meta.dirname, '../..')

/** The Python program that can import pycolonies; empty when it cannot be had, and why on stderr. */
export function findPycolonies(): string {
  const folder = join(ROOT, '.venv', PYCOLONIES.replace('==', '-'))
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  const complete = join(folder, 'complete')
  if (existsSync(complete)) return python
  try {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(join(ROOT, '.venv'), { recursive: true })
    const run = (program: string, ...args: string[]): void => {
      execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: INSTALL_TIMEOUT_MS })
    }
    run('python3', '-m', 'venv', folder)
    run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', PYCOLONIES)
    writeFileSync(complete, '')
    return python
  } catch (error) {
    process.stderr.write(`cannot install ${PYCOLONIES}: ${String(error)}\n`)
    return ''
  }
}
