/** Real containers for tests: an image of busybox made on the spot (no registry is asked), and what to remove afterwards. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, copyFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import { ContainerConfig, DEFAULT_SOCKET } from '../../src/main/docker/config.ts'

export const BUSYBOX = '/bin/busybox'
const LABEL = 'framehouse.test'
let images = 0

export interface TestImage {
  name: string
  remove(): void
}

/** Runs the docker client; `host` for another engine than the machine's own. Answers what it printed. */
export function docker(args: readonly string[], host: string = DEFAULT_SOCKET): string {
  return execFileSync('docker', ['--host', host, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/** An image with busybox's programs and nothing else, under a name of its own. */
export function importBusybox(host: string = DEFAULT_SOCKET): TestImage {
  const root = mkdtempSync(join(tmpdir(), 'framehouse-image-'))
  try {
    for (const folder of ['bin', 'etc', 'tmp', 'dev', 'proc', 'sys']) mkdirSync(join(root, folder))
    copyFileSync(BUSYBOX, join(root, 'bin', 'busybox'))
    const programs = execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' })
      .split('\n')
      .filter((name) => name !== '' && name !== 'busybox')
    for (const name of programs) execFileSync('ln', ['-s', 'busybox', join(root, 'bin', name)])
    writeFileSync(join(root, 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\nartist:x:1234:1234::/tmp:/bin/sh\n')
    const archive = join(root, '..', `${root.split('/').pop()}.tar`)
    execFileSync('tar', ['-C', root, '-cf', archive, '.'])
    const name = `framehouse-test-${process.pid}-${++images}:latest`
    docker(['import', '--change', 'ENV PATH=/bin', '--change', `LABEL ${LABEL}=1`, archive, name], host)
    rmSync(archive)
    return {
      name,
      remove: () => {
        for (const id of containersOf(name, host)) removeContainer(id, host)
        docker(['rmi', '--force', name], host)
      },
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** A container that its worker is removing at this moment is waited for by the removal of its image. */
function removeContainer(id: string, host: string): void {
  try {
    docker(['rm', '--force', '--volumes', id], host)
  } catch (error) {
    if (!String(error).includes('already in progress') && !String(error).includes('No such container')) throw error
  }
}

/** Ids of all containers of an image, ended ones included. */
export function containersOf(image: string, host: string = DEFAULT_SOCKET): string[] {
  return docker(['ps', '--all', '--quiet', '--no-trunc', '--filter', `ancestor=${image}`], host)
    .split('\n')
    .filter(Boolean)
}

/** A worker's container configuration with all defaults. */
export function containerConfig(changes: Partial<ContainerConfig> = {}): ContainerConfig {
  const given = { engines: [{ name: 'local', host: DEFAULT_SOCKET }], ...changes }
  return Value.Parse(ContainerConfig, Value.Default(ContainerConfig, given))
}
