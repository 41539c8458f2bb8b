/** The options of a worker that runs containers, and the configuration built from them. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ContainerConfig, DEFAULT_SOCKET } from '../../worker/containerConfig.ts'
import type { Context, Options } from './command.ts'
import { UsageError } from '../errors.ts'
import { integer, list, text } from './options.ts'
import { Value } from 'typebox/value'

export const CONTAINER_OPTIONS = {
  containers: integer('N', 'also run up to N containers, as a separate worker named NAME-containers', { min: 1, max: 1024 }),
  docker: text('ADDRESS', `the Docker engine (default: ${DEFAULT_SOCKET}); tcp://host:port, ssh://user@host`, { env: 'FRAMEHOUSE_DOCKER' }),
  mount: list('FOLDER[:ro]', 'let containers mount this folder and its contents', { completes: 'folder' }),
  'container-config': text('FILE', 'engines, pools and permissions as JSON (docs/containers.md)', { completes: 'file' }),
} satisfies Options

export interface ContainerChoice {
  containers: number | undefined
  docker: string | undefined
  mount: readonly string[]
  'container-config': string | undefined
}

export interface ContainerSettings {
  config: ContainerConfig
  /** Concurrent containers. */
  slots: number
}

/** The configuration of a container worker, or undefined when none is requested. @throws UsageError */
export async function containerSettings(context: Context, given: ContainerChoice): Promise<ContainerSettings | undefined> {
  const file = given['container-config']
  const kept = file === undefined ? {} : await readObject(resolve(context.cwd, file))
  if (given.containers === undefined && kept['slots'] === undefined) {
    const other = file !== undefined ? '--container-config' : given.mount.length > 0 ? '--mount' : undefined
    if (other !== undefined)
      throw new UsageError(`${other} requires --containers N${file ? ', or "slots" in the file' : ''}`, other, ['worker'])
    return undefined
  }
  const engines = given.docker === undefined ? {} : { engines: [{ name: 'docker', host: given.docker }] }
  const mounts = given.mount.map((entry) => readMount(entry, context.cwd))
  const config = checkContainerConfig(
    {
      engines: [{ name: 'docker', host: DEFAULT_SOCKET }],
      ...kept,
      ...engines,
      mounts: [...(Array.isArray(kept['mounts']) ? kept['mounts'] : []), ...mounts],
    },
    file === undefined ? '' : `${file}: `,
  )
  return { config, slots: given.containers ?? config.slots ?? 1 }
}

/** The same options for a worker in a child process, with absolute paths. */
export function containerArguments(cwd: string, given: ContainerChoice): string[] {
  const file = given['container-config']
  return [
    ...(given.containers === undefined ? [] : ['--containers', String(given.containers)]),
    ...(given.docker === undefined ? [] : ['--docker', given.docker]),
    ...(file === undefined ? [] : ['--container-config', resolve(cwd, file)]),
    ...given.mount.flatMap((entry) => {
      const { path, readOnly } = readMount(entry, cwd)
      return ['--mount', readOnly ? `${path}:ro` : path]
    }),
  ]
}

/** With all defaults applied. @throws UsageError that names the field */
function checkContainerConfig(given: unknown, where: string): ContainerConfig {
  const config: unknown = Value.Default(ContainerConfig, given)
  if (!Value.Check(ContainerConfig, config)) {
    const [first] = Value.Errors(ContainerConfig, config)
    throw new UsageError(`${where}${first?.instancePath || '/'} ${first?.message ?? 'is invalid'}`, '--container-config', ['worker'])
  }
  const names = config.engines.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new UsageError(`${where}engine name "${twice}" is used twice`, '--container-config', ['worker'])
  for (const { match, engines } of config.pools) {
    const unknown = engines.find((name) => !names.includes(name))
    if (unknown !== undefined)
      throw new UsageError(`${where}a pool refers to the unknown engine "${unknown}"`, '--container-config', ['worker'])
    if (!isRegExp(match)) throw new UsageError(`${where}"${match}" is not a valid regular expression`, '--container-config', ['worker'])
  }
  return config
}

function isRegExp(text: string): boolean {
  try {
    new RegExp(text)
    return true
  } catch {
    return false
  }
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  let content: unknown
  try {
    content = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, '--container-config', ['worker'])
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new UsageError(`${path} must contain a JSON object`, '--container-config', ['worker'])
  }
  return { ...content }
}

function readMount(entry: string, cwd: string): { path: string; readOnly: boolean } {
  const match = /^(.*?)(?::(ro|rw))?$/.exec(entry)
  const path = match?.[1] ?? entry
  return { path: path.startsWith('volume:') ? path : resolve(cwd, path), readOnly: match?.[2] === 'ro' }
}
