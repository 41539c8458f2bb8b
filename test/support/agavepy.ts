/** agavepy from PyPI in virtual environments of its own, kept between runs of the tests. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface PythonEnvironment {
  /** The program. */
  python: string
  /** Its packages. */
  site: string
}

/** @param python the machine's Python @throws Error when the environment cannot be made, for example without PyPI */
export function agavepyEnvironment(python: string, version: string, pythonVersion: string): PythonEnvironment {
  const folder = join(tmpdir(), 'framehouse-python', `agavepy-${version}-${pythonVersion}`)
  const made = { python: join(folder, 'bin', 'python'), site: join(folder, 'lib', `python${pythonVersion}`, 'site-packages') }
  const done = join(folder, 'installed')
  if (existsSync(done)) return made
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  execFileSync(python, ['-m', 'venv', folder], { stdio: 'pipe' })
  execFileSync(made.python, ['-m', 'pip', 'install', '--quiet', `agavepy==${version}`], { stdio: 'pipe' })
  writeFileSync(done, '')
  return made
}
