/** Docker images with the machine's own Python, so that no registry is asked: its program, libraries and standard library, and a site folder. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BUSYBOX, docker, type TestImage } from './containers.ts'

/** Prints, as JSON, what a Python needs: the files and folders to copy. */
const FACTS = `
import glob, json, os, re, subprocess, sys, sysconfig
program = os.path.realpath(sys.executable)
library = sysconfig.get_paths()['stdlib']
def needs(path):
    found = subprocess.run(['ldd', path], capture_output=True, text=True).stdout
    return re.findall(r'(?:=> |\\t)(/\\S+)', found)
libraries = set(needs(program))
for module in glob.glob(os.path.join(library, 'lib-dynload', '*.so')):
    libraries.update(needs(module))
print(json.dumps({'program': program, 'standardLibrary': library, 'libraries': sorted(libraries), 'version': '%d.%d' % sys.version_info[:2]}))
`

export interface PythonFacts {
  program: string
  standardLibrary: string
  libraries: string[]
  version: string
}

/** Folders of the standard library that no program of the tests needs. */
const LEFT_OUT = [
  'test',
  'tests',
  'idlelib',
  'tkinter',
  'turtledemo',
  'ensurepip',
  'lib2to3',
  'site-packages',
  'dist-packages',
  '__pycache__',
  'config-*',
]

/** @param python a program, `python3` or a path */
export function pythonFacts(python: string): PythonFacts {
  // Printed by the script above.
  return JSON.parse(execFileSync(python, ['-c', FACTS], { encoding: 'utf8' })) as PythonFacts
}

/**
 * An image with busybox and Python under `/bin/python3`. @param site a folder of Python packages, importable in the container
 * @param scripts a folder that becomes `/scripts`
 * @param command what the image runs
 */
export function importPython(name: string, facts: PythonFacts, site: string, scripts: string, command: readonly string[] = []): TestImage {
  const root = mkdtempSync(join(tmpdir(), 'framehouse-python-'))
  const archive = `${root}.tar`
  try {
    for (const folder of ['bin', 'etc', 'tmp', 'dev', 'proc', 'sys', 'site', 'scripts']) mkdirSync(join(root, folder))
    copyFileSync(BUSYBOX, join(root, 'bin', 'busybox'))
    for (const program of ['sh', 'env', 'sleep', 'ls', 'cat', 'id', 'echo', 'wc', 'md5sum', 'head', 'yes', 'true', 'false'])
      symlinkSync('busybox', join(root, 'bin', program))
    symlinkSync(facts.program, join(root, 'bin', 'python3'))
    writeFileSync(join(root, 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\n')
    execFileSync('cp', ['-r', `${site}/.`, join(root, 'site')])
    execFileSync('cp', ['-r', `${scripts}/.`, join(root, 'scripts')])
    const excluded = LEFT_OUT.map((folder) => `--exclude=${folder}`)
    const paths = [facts.program, facts.standardLibrary, ...facts.libraries].map((path) => path.slice(1))
    execFileSync('tar', ['-cf', archive, '--mode=a+rX', '-C', root, '.'])
    execFileSync('tar', ['-rf', archive, '--mode=a+rX', '--dereference', ...excluded, '-C', '/', ...paths])
    const changes = ['ENV PATH=/bin', 'ENV PYTHONPATH=/scripts:/site', 'ENV PYTHONUNBUFFERED=1', 'ENV PYTHONDONTWRITEBYTECODE=1']
    if (command.length > 0) changes.push(`CMD ${JSON.stringify(command)}`)
    docker(['import', ...changes.flatMap((change) => ['--change', change]), archive, name])
    return { name, remove: () => docker(['rmi', '--force', name]) }
  } finally {
    rmSync(root, { recursive: true, force: true })
    rmSync(archive, { force: true })
  }
}

/** The same files under another name, with a command of its own. */
export function imageWithCommand(base: string, name: string, command: readonly string[]): TestImage {
  const container = docker(['create', base, 'x'])
  docker(['commit', '--change', `CMD ${JSON.stringify(command)}`, container, name])
  docker(['rm', container])
  return { name, remove: () => docker(['rmi', '--force', name]) }
}
