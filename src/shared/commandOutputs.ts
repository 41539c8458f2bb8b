/** The folders that a task's commands declare as outputs. Pure. */
import { folderOfPattern } from './paths/jobPaths.ts'
import type { Command } from './schemas/jobs/task.ts'

/** Parameters that name files or file patterns, and those that name a folder, of commands whose output others read. */
const PATTERNS = ['outputPattern', 'outputFile']
const LISTS = ['outputs']
const FOLDERS: Readonly<Record<string, string>> = { 'trace-frames': 'outputDir', 'move-directory': 'dest' }
const BLENDER_OUTPUT = ['-o', '--render-output']

interface Mount {
  source: string
  target: string
}

/** Folders of the worker that a container may write to. */
function writableMounts(mounts: unknown): Mount[] {
  if (!Array.isArray(mounts)) return []
  return mounts.filter((mount: unknown): mount is Mount => {
    if (typeof mount !== 'object' || mount === null) return false
    const { type = 'bind', source, target, readOnly } = mount as Record<string, unknown> // Nothing is known of its members yet.
    return type === 'bind' && readOnly !== true && typeof source === 'string' && source !== '' && typeof target === 'string'
  })
}

function isBelow(path: string, folder: string): boolean {
  const outer = folder.replace(/\/+$/, '')
  return path === outer || path.startsWith(`${outer}/`)
}

/** In the notation of the commands, with unresolved variables; without duplicates. */
export function outputFolders(commands: readonly Pick<Command, 'name' | 'parameters'>[]): string[] {
  const found = new Set<string>()
  for (const { name, parameters } of commands) {
    const { args } = parameters
    const listed = LISTS.flatMap((key): unknown[] => (Array.isArray(parameters[key]) ? parameters[key] : []))
    const blender =
      name === 'blender-render' && Array.isArray(args) ? args.filter((_, at) => BLENDER_OUTPUT.includes(String(args[at - 1]))) : []
    const mounts = name === 'docker-run' ? writableMounts(parameters['mounts']) : []
    for (const { source } of mounts) found.add(source)
    for (const pattern of [...PATTERNS.map((key) => parameters[key]), ...listed, ...blender]) {
      // What a container writes into a mount, it names by its own path.
      if (typeof pattern !== 'string' || mounts.some(({ target }) => isBelow(pattern, target))) continue
      const folder = folderOfPattern(pattern)
      if (folder !== null) found.add(folder)
    }
    const key = FOLDERS[name]
    const folder = key === undefined ? undefined : parameters[key]
    if (typeof folder === 'string' && folder !== '') found.add(folder)
  }
  return [...found]
}
