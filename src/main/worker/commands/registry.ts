/** All commands of this worker by name, and the kinds of tasks that this machine can therefore do. */
import { BLENDER_LOOK_KIND } from '../../../shared/enums.ts'
import { ACTOR_KIND, PRIVILEGED_ACTOR_KIND } from '../../../shared/schemas/actorRun.ts'
import { READ_MARKERS } from '../../../shared/schemas/agent.ts'
import type { Engines } from '../../docker/engines/engines.ts'
import type { ActorHost } from '../gateway/actorHost.ts'
import { findProgram } from '../tools/find.ts'
import { actorPull } from './actor/actorPull.ts'
import { actorRun } from './actor/actorRun.ts'
import { blenderRender } from './blender/blenderRender.ts'
import { checkBlendFiles } from './blender/inspect/checkBlendFiles.ts'
import { checkPaths } from './files/checkPaths.ts'
import { copyFile } from './files/copyFile.ts'
import { dockerRun } from './container/dockerRun.ts'
import { echo } from './basic/echo.ts'
import { exec } from './basic/exec.ts'
import { framesToVideo } from './video/framesToVideo.ts'
import { inspectBlend } from './blender/inspect/inspectBlend.ts'
import { lookForFilesCommand, lookForFramesCommand } from './files/lookForFiles.ts'
import { makeDirectory } from './files/makeDirectory.ts'
import { moveDirectory } from './files/moveDirectory.ts'
import { readMarkers } from './files/readMarkers.ts'
import { runFrames } from './frames/runFrames.ts'
import { sleep } from './basic/sleep.ts'
import { traceFrames } from './frames/traceFrames.ts'
import type { CommandRegistry, CommandRunner, ToolSettings } from '../contract/commands.ts'

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
    [READ_MARKERS]: readMarkers,
    'inspect-blend': inspectBlend,
    'look-for-frames': lookForFramesCommand,
    'look-for-files': lookForFilesCommand,
    'check-blend-files': checkBlendFiles,
  }),
)

/** Kinds that need nothing but this program; docs/commands.md lists their commands. */
const ALWAYS = ['file-management', 'misc']
const OURS = ['framehouse-trace', 'command']

/**
 * The commands, with programs found as `tools` says. `kinds` looks at the disk each time, so a Blender that was
 * installed meanwhile counts from the next sign-on. With `engines` it is a worker for
 * containers, and takes only those, while an engine answers: the number of containers is independent of the number of renders.
 */
export function createCommandRegistry(tools: ToolSettings, engines?: Engines, actors?: ActorHost): CommandRegistry {
  const containers = new Map(engines && containerCommands(engines, actors))
  return {
    ...(engines && containerCapabilities(engines, actors)),
    find: (name) => containers.get(name) ?? COMMANDS.get(name),
    kinds: (dialect) => {
      if (engines !== undefined) return dialect === 'native' && engines.isAvailable() ? containerKinds(actors) : []
      const hasBlender = findProgram('blender', tools) !== undefined
      return [
        ...(hasBlender ? ['blender'] : []),
        ...(findProgram('ffmpeg', tools) === undefined ? [] : ['ffmpeg']),
        ...ALWAYS,
        ...(dialect === 'native' ? OURS : []),
        ...(dialect === 'native' && hasBlender ? [BLENDER_LOOK_KIND] : []),
      ]
    },
  }
}

function containerCommands(engines: Engines, actors: ActorHost | undefined): [name: string, runner: CommandRunner][] {
  return [
    ['docker-run', dockerRun(engines)],
    ...(actors
      ? ([
          ['actor-run', actorRun(engines, actors)],
          ['actor-pull', actorPull(engines, actors)],
        ] as const)
      : []
    ).map(([name, runner]): [string, CommandRunner] => [name, runner]),
  ]
}

function containerKinds(actors: ActorHost | undefined): string[] {
  const { available = false, privileged = false } = actors?.capabilities ?? {}
  return ['container', ...(available ? [ACTOR_KIND] : []), ...(available && privileged ? [PRIVILEGED_ACTOR_KIND] : [])]
}

/** What a worker for containers has beyond its kinds. */
function containerCapabilities(engines: Engines, actors: ActorHost | undefined): Partial<CommandRegistry> {
  return {
    capabilities: async () => ({ containers: await engines.describe(), ...(actors && { actors: actors.capabilities }) }),
    isResumable: (name) => name === 'docker-run' || name === 'actor-run',
    sweep: (held) => engines.sweep(held),
    watch: (onChange) =>
      engines.watch(() => {
        // An engine that came may run actors: kinds are reported after that is known.
        if (actors) void actors.probe().then(onChange)
        else onChange()
      }),
  }
}
