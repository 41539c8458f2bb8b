/** What a made-up worker does with a task: how long each frame takes, what it prints, and whether it fails. Pure. */
import { outputFolders } from '../../src/shared/commandOutputs.ts'
import { promisedFrames } from '../../src/shared/frames/blenderOutputs.ts'
import { expandFramePattern, frameValues } from '../../src/shared/frames/framePattern.ts'
import { framesOf } from '../../src/shared/frames/frameRange.ts'
import { framesOfTask } from '../../src/shared/frames/taskFrames.ts'
import type { Assignment } from '../../src/shared/schemas/agent.ts'
import type { ReportedWarning } from '../../src/shared/schemas/jobs/warning.ts'
import type { Habits } from './day.ts'
import { dice } from './dice.ts'

export interface CourseFrame {
  frame: number
  /** Undefined: no file comes of it. */
  path: string | undefined
  ms: number
  black: boolean
  /** What the program prints. */
  lines: string[]
}

export interface Course {
  firstLines: string[]
  frames: CourseFrame[]
  warnings: ReportedWarning[]
  /** Undefined: it succeeds. */
  failure: { reason: string; lines: string[]; exitCode: number } | undefined
}

/** @param habits of its job; undefined: it was submitted in the window, and it does well */
export function courseOf(task: Assignment, habits: Habits | undefined): Course {
  const secondsPerFrame = habits?.secondsPerFrame ?? 12
  const frames = framesWithPaths(task).map(({ frame, path }): CourseFrame => {
    const seconds = secondsPerFrame * (0.8 + 0.4 * dice(`${task.jobName} ${frame} ${task.attempt}`))
    return {
      frame,
      path,
      ms: Math.round(seconds * 1000),
      black: habits?.black?.includes(frame) ?? false,
      lines: linesOf(task, frame, path, seconds),
    }
  })
  const bad = (list: readonly number[] | undefined) => frames.findIndex(({ frame }) => list?.includes(frame))
  const failsAt = Math.max(bad(habits?.fails), task.attempt === 1 ? bad(habits?.failsOnce) : -1)
  return {
    firstLines: firstLines(task),
    frames: failsAt < 0 ? frames : frames.slice(0, failsAt + 1).map((each, at) => (at === failsAt ? { ...each, path: undefined } : each)),
    warnings: habits?.missingFile
      ? [
          {
            code: 'missing-file',
            text: `file of the scene is missing: ${habits.missingFile}`,
            count: 1,
            frames: frames.map(({ frame }) => frame),
          },
        ]
      : [],
    failure: failsAt < 0 ? undefined : outOfMemory(frames[failsAt]?.frame ?? 0),
  }
}

/** A task without frames, such as a video, is one step. */
function framesWithPaths(task: Assignment): { frame: number; path: string | undefined }[] {
  const promised = promisedFrames(task.commands)
  if (promised.length > 0)
    return promised.map(({ frame, folder, stem, ending }) => ({ frame, path: `${folder}/${stem}${ending ?? '.png'}` }))
  const runs = framesOfTask(task.commands)
  if (runs === undefined) return [{ frame: 0, path: undefined }]
  const parameters = task.commands[0]?.parameters ?? {}
  const { filePattern, outputPattern } = parameters
  const folder = outputFolders(task.commands)[0]
  const pattern = typeof outputPattern === 'string' && outputPattern !== '' ? outputPattern : `${folder}/${String(filePattern)}`
  const hasFiles = folder !== undefined
  return [...framesOf(runs)].map((frame) => ({
    frame,
    path: hasFiles ? expandFramePattern(pattern, { ...frameValues(String(frame)), frame }) : undefined,
  }))
}

function firstLines({ kind, commands, taskName }: Assignment): string[] {
  if (kind === 'blender') {
    return [
      'Blender 4.2.3 LTS (hash 0e22e4fcea03 built 2026-10-14 18:02:11)',
      `Read blend: "${String(commands[0]?.parameters['blendfile'])}"`,
    ]
  }
  if (kind === 'ffmpeg')
    return ['ffmpeg version 7.0.2 Copyright (c) 2000-2026 the FFmpeg developers', 'Stream #0:0: Video: h264, yuv420p, 1920x1080, 24 fps']
  return [`${taskName}: begins`]
}

function linesOf({ kind }: Assignment, frame: number, path: string | undefined, seconds: number): string[] {
  const time = `00:${seconds.toFixed(2).padStart(5, '0')}`
  if (kind !== 'blender') return [path === undefined ? `done in ${time}` : `frame ${frame} done in ${time}: ${path}`]
  const memory = (600 + 400 * dice(`memory ${frame}`)).toFixed(2)
  return [
    `Fra:${frame} Mem:${memory}M (Peak ${(Number(memory) * 1.2).toFixed(2)}M) | Time:00:01.20 | Syncing Objects`,
    `Fra:${frame} Mem:${memory}M (Peak ${(Number(memory) * 1.2).toFixed(2)}M) | Time:${time} | Sample 128/128`,
    ...(path === undefined ? [] : [`Saved: '${path}'`, `Time: ${time} (Saving: 00:00.21)`]),
  ]
}

function outOfMemory(frame: number): NonNullable<Course['failure']> {
  return {
    reason: 'exit code 1: Error: Out of memory in CUDA queue enqueue',
    exitCode: 1,
    lines: [
      `Fra:${frame} Mem:11841.20M (Peak 12102.77M) | Building BVH 71%`,
      'Error: Out of memory in CUDA queue enqueue (integrator_init_from_camera)',
      'Error: Failed to render: out of GPU memory',
    ],
  }
}
