/**
 * `submit --send`: finds out which files the job needs, sends them, and names their new places in the job's settings. The Blender
 * that lists the files of a scene also reads the settings that are in it, so that no worker is needed.
 */
import { dirname, resolve } from 'node:path'
import { bytes as shownBytes } from '../output/format.ts'
import { makeProgress } from '../output/progress.ts'
import type { Context } from '../parsing/command.ts'
import { CliError, EXIT } from '../errors.ts'
import { defaultOutput } from '../../../shared/outputSettings.ts'
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import type { BlendFacts } from '../../../shared/schemas/storage.ts'
import { plural } from '../../../shared/text/plural.ts'
import { askForContent } from '../../../shared/operations/jobs/content.ts'
import { call, type Connection } from './http.ts'
import { expressionsWanted, withBlendFacts, type Inspector } from './inspectBlend.ts'
import { filesOfScene, namedFiles, type Project } from './projectFiles.ts'
import { bytesOf, sendFiles, type LocalFile } from './sendFiles.ts'

export interface SendOptions {
  'send-file': string[]
  'project-root': string | undefined
  blender: string
  yes: boolean
  'no-inspect': boolean
}

type Settings = Record<string, unknown>

/** Settings name this for the folder that the files are in. */
const INPUTS = '{inputs}'
const SHOWN_MISSING = 20

/** The settings with the places of the files at the manager, and what the scene says. @throws CliError */
export async function sendProject(
  to: Connection,
  type: JobTypeInfo,
  given: Settings,
  options: SendOptions,
  context: Context,
): Promise<Settings> {
  const start = withOutputs(type, given)
  const { blendfile } = start
  const wanted = options['no-inspect'] ? {} : expressionsWanted(type, start)
  const scene = typeof blendfile === 'string' && blendfile !== '' ? await sceneOf(blendfile, wanted, options, context) : undefined
  try {
    const settings = scene?.facts ? await withBlendFacts(inspected(scene.facts), type, start, context.terminal) : start
    const named = await namedFiles(options['send-file'], context.cwd)
    const files = [...(scene?.files ?? []), ...named]
    if (files.length === 0) return settings
    tell(scene, context)
    await assertAgreed(to, files, options)
    const folder = await send(to, files, context)
    const placed = Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [key, typeof value === 'string' ? value.replaceAll(INPUTS, folder) : value]),
    )
    return scene === undefined ? placed : { ...placed, blendfile: `${folder}/${scene.blend}` }
  } finally {
    await scene?.dispose()
  }
}

/** Results need no place: they go to the job's own folder. */
function withOutputs({ settings }: Pick<JobTypeInfo, 'settings'>, given: Settings): Settings {
  const missing = settings.filter(({ key }) => given[key] === undefined).map((setting) => [setting.key, defaultOutput(setting)] as const)
  return { ...given, ...Object.fromEntries(missing.filter(([, value]) => value !== undefined)) }
}

function sceneOf(
  blendfile: string,
  wanted: Record<string, string>,
  { blender, 'project-root': root }: SendOptions,
  { cwd, terminal }: Context,
): Promise<Project & { blend: string }> {
  if (terminal.errIsTty) terminal.err('Blender lists the files of the scene …\n')
  return filesOfScene(blender, blendfile, root === undefined ? dirname(blendfile) : resolve(cwd, root), wanted)
}

/** The list of files has already named what is missing. */
const inspected = (facts: BlendFacts): Inspector => ({
  inspect: () => Promise.resolve({ ...facts, missing: [], missingCount: 0 }),
})

function tell(scene: Project | undefined, { terminal }: Context): void {
  if (scene === undefined) return
  for (const path of scene.missing.slice(0, SHOWN_MISSING)) terminal.err(`Warning: not on this machine: ${path}\n`)
  if (scene.missing.length > SHOWN_MISSING) terminal.err(`Warning: … and ${scene.missing.length - SHOWN_MISSING} more\n`)
  for (const warning of scene.warnings) terminal.err(`Warning: ${warning}\n`)
}

/** The farm says from which size on people are asked. */
async function assertAgreed(to: Connection, files: readonly LocalFile[], { yes }: SendOptions): Promise<void> {
  if (yes) return
  const total = await bytesOf(files)
  const { askAboveBytes } = await call(to, askForContent, { body: { files: [] } })
  if (askAboveBytes === 0 || total <= askAboveBytes) return
  throw new CliError(
    EXIT.invalid,
    `the job needs ${plural(files.length, 'file')} of ${shownBytes(total)}; add --yes to send what the manager does not have of them`,
    'too-much',
  )
}

async function send(to: Connection, files: readonly LocalFile[], context: Context): Promise<string> {
  const progress = makeProgress(context.terminal, () => performance.now())
  try {
    const {
      folder,
      files: count,
      bytes,
      sentFiles,
      sentBytes,
    } = await sendFiles(to, files, {
      hashed: (done, total) => progress.update(done / total, `reading file ${done} of ${total}`),
      sent: (done, total) => progress.update(total === 0 ? 1 : done / total, `sending ${shownBytes(total)}`),
    })
    progress.clear()
    const known = count === sentFiles ? '' : '; the manager had the rest'
    context.terminal.err(`${plural(count, 'file')} (${shownBytes(bytes)}): sent ${sentFiles} (${shownBytes(sentBytes)})${known}\n`)
    return folder
  } finally {
    progress.clear()
  }
}
