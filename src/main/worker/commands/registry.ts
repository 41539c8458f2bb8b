/** All commands of this worker by name, and the kinds of tasks that this machine can therefore do. */
import type { Engines } from '../../docker/engines.ts'
import { findProgram } from '../tools/find.ts'
import { blenderRender } from './blenderRender.ts'
import { checkPaths } from './checkPaths.ts'
import { copyFile } from './copyFile.ts'
import { dockerRun } from './dockerRun.ts'
import { echo } from './echo.ts'
import { exec } from './exec.ts'
import { framesToVideo } from './framesToVideo.ts'
import { inspectBlend } from './inspectBlend.ts'
import { makeDirectory } from './makeDirectory.ts'
import { moveDirectory } from './moveDirectory.ts'
import { runFrames } from './runFrames.ts'
import { sleep } from './sleep.ts'
import { traceFrames } from './traceFrames.ts'
import type { CommandRegistry, CommandRunner, ToolSettings } from './types.ts'

const COMMANDS: ReadonlyMap<string, CommandRunner> = new Map(
  Object.entries({
    echo,
    sleep,
    exec,
    'blender-render': blenderRender,
    'frames-to-video': framesToVideo,
    'make-directory': makeDirectory,
    'move-directory': moveDirectory,
    'copy-file': copyFile,
    'trace-frames': traceFrames,
    'run-frames': runFrames,
    'check-paths': checkPaths,
    'inspect-blend': inspectBlend,
  }),
)

/** Kinds that need nothing but this program; docs/commands.md tells which commands stand in which. */
const ALWAYS = ['file-management', 'misc']
const OURS = ['framehouse-trace', 'command']

/**
 * The commands, with programs found as `tools` says. `kinds` looks at the disk each time, so a Blender that was
 * installed meanwhile counts from the next sign-on. With `engines` it is a worker for
 * containers, and takes only those, while an engine answers: their number at once has nothing to do with that of renders.
 */
export function createCommandRegistry(tools: ToolSettings, engines?: Engines): CommandRegistry {
  const containers = engines && dockerRun(engines)
  return {
    ...(engines && containerCapabilities(engines)),
    find: (name) => (name === 'docker-run' ? containers : COMMANDS.get(name)),
    kinds: (dialect) => {
      if (engines !== undefined) return dialect === 'native' && engines.isAvailable() ? ['container'] : []
      return [
        ...(findProgram('blender', tools) === undefined ? [] : ['blender']),
        ...(findProgram('ffmpeg', tools) === undefined ? [] : ['ffmpeg']),
        ...ALWAYS,
        ...(dialect === 'native' ? OURS : []),
      ]
    },
  }
}

/** What a worker for containers has beyond its kinds. */
function containerCapabilities(engines: Engines): Partial<CommandRegistry> {
  return {
    capabilities: async () => ({ containers: await engines.describe() }),
    isResumable: (name) => name === 'docker-run',
    sweep: (held) => engines.sweep(held),
    watch: (onChange) => engines.watch(onChange),
  }
}
