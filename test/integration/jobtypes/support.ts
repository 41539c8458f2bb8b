/** Scripts from texts, run in the real sandbox. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { silentLogger, type Logger } from '../../../src/shared/logger.ts'
import { expandCommands } from '../../../src/main/engine/compile/commandTemplates.ts'
import type { CompiledJob, TaskRow } from '../../../src/main/engine/base/compiledJob.ts'
import { createJobTypeCatalog, type CompileInput, type JobTypeCatalog } from '../../../src/main/jobtypes/scripts/catalog.ts'
import { createSandbox, type Sandbox, type SandboxOptions } from '../../../src/main/jobtypes/sandbox/sandbox.ts'
import type { Command } from '../../../src/shared/schemas/jobs/task.ts'

export const CREATED_AT = new Date(2026, 2, 4, 5, 6, 7).getTime()

export function inputFor(jobType: string, settings: Record<string, unknown> = {}, changes: Partial<CompileInput> = {}): CompileInput {
  return {
    jobId: '9b2f63aa-1c3d-4e5f-8a9b-0c1d2e3f4a5b',
    name: 'A job',
    jobType,
    priority: 50,
    workerTag: '',
    createdAt: CREATED_AT,
    settings,
    metadata: {},
    checkoutId: '',
    ...changes,
  }
}

export interface ReadTask {
  index: number
  name: string
  kind: string
  priority: number
  commands: Command[]
  steps: number
  /** Indices of the tasks it waits for. */
  dependsOn: number[]
}

/** Reads back what a worker and the scheduler would see. */
export function tasksOf(compiled: Pick<CompiledJob, 'templates' | 'taskSlices' | 'groupDependencySlices'>): ReadTask[] {
  const rows = compiled.taskSlices.flatMap((slice) => JSON.parse(slice) as TaskRow[])
  const waits = compiled.groupDependencySlices.flatMap((slice) => JSON.parse(slice) as [number, number][])
  return rows.map(([index, name, kind, priority, template, params, steps]) => {
    const groups = waits.filter(([waiting]) => waiting === index).map(([, group]) => group)
    return {
      index,
      name,
      kind,
      priority,
      commands: expandCommands(compiled.templates[template] ?? '', params),
      steps,
      dependsOn: rows.filter((row) => groups.includes(row[8])).map((row) => row[0]),
    }
  })
}

export interface ScriptHome {
  /** Users' folder. */
  folder: string
  shipped: string
  catalog: JobTypeCatalog
  sandbox: Sandbox
  write(name: string, text: string, where?: string): Promise<void>
  close(): Promise<void>
}

/** A catalog over two temporary folders. A sandbox that is given is used and left running, for a thread takes a moment to start. */
export async function createScriptHome(
  options: Partial<SandboxOptions> & { sandbox?: Sandbox } = {},
  log: Logger = silentLogger,
): Promise<ScriptHome> {
  const root = await mkdtemp(join(tmpdir(), 'framehouse-scripts-'))
  const folder = join(root, 'users')
  const shipped = join(root, 'shipped')
  const sandbox = options.sandbox ?? createSandbox({ log, ...options })
  return {
    folder,
    shipped,
    sandbox,
    catalog: createJobTypeCatalog({ folders: [folder, shipped], sandbox, log }),
    async write(name, text, where = folder) {
      const path = join(where, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    },
    async close() {
      if (options.sandbox === undefined) await sandbox.stop()
      await rm(root, { recursive: true })
    },
  }
}

/** A script around the body of compileJob. */
export function scriptOf(body: string, settings = '[]'): string {
  return `const JOB_TYPE = { label: 'Test', settings: ${settings} }\nfunction compileJob(job) {\n${body}\n}\n`
}
