/**
 * Files that workers, jobs and logs name, on the manager's own disks: through two-way variables, and only where the
 * manager may read (mayOpen.ts). A job can name any path, and must not thereby access files that only the manager may
 * read.
 */
import { open, realpath, stat, type FileHandle } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import { outputFolders } from '../../shared/commandOutputs.ts'
import { cleanPath, folderKey, isAbsolutePath } from '../../shared/paths/jobPaths.ts'
import {
  createTextExpander,
  type TextExpander,
  valuesToVariables,
  variablesFor,
  type VariableHost,
  type VariableSettings,
} from '../engine/compile/variables.ts'
import type { JobOutputs } from '../store/queries/jobs/outputs.ts'
import type { WorkerState } from '../engine/base/model.ts'
import { isWithin, mayBeSomethingElse, mayOpen, type OpenFolders } from './mayOpen.ts'

/** The manager's own folders, absolute, and how it names paths. */
export interface FileHost extends VariableHost {
  /** `--data`: nothing in it is opened but for a storage inside it. */
  dataFolder: string
}

/** Where a job writes, and the folders of the worker that named a file. */
export interface OutputsOf extends JobOutputs {
  /** Allowed by an admin; in the manager's notation. */
  allowed?: readonly string[]
}

/** The same with the folders of a worker. */
export function withFoldersOf(
  outputs: JobOutputs | undefined,
  worker: Pick<WorkerState, 'folders' | 'allowedFolders' | 'platform'> | undefined,
  settings: VariableSettings,
  host: VariableHost,
): OutputsOf | undefined {
  if (outputs === undefined || worker === undefined) return outputs
  const allowed = worker.folders.filter((folder) => worker.allowedFolders.includes(folder))
  return { ...outputs, allowed: allowed.map((folder) => pathHere(folder, worker.platform, settings, host)) }
}

/** The path as the manager knows it: through two-way variables from the worker's platform to ours. */
export function pathHere(path: string, platform: string, settings: VariableSettings, host: VariableHost): string {
  return expanderFor(settings, host)(withVariable(path, platform, settings, host))
}

/** One for each version of the variables: every frame of a foreign worker asks for it. */
const expanders = new WeakMap<VariableSettings['variables'], { host: VariableHost; shaman: boolean; expand: TextExpander }>()

function expanderFor(settings: VariableSettings, host: VariableHost): TextExpander {
  const known = expanders.get(settings.variables)
  const shaman = settings.shamanEnabled
  if (known?.shaman === shaman && known.host.platform === host.platform && known.host.storagePath === host.storagePath) return known.expand
  const expand = createTextExpander(settings, 'workers', host.platform, host)
  expanders.set(settings.variables, { host, shaman, expand })
  return expand
}

/** `{share}/…` for a path under a two-way variable's value on that platform; else the path as it is. */
export function withVariable(path: string, platform: string, settings: VariableSettings, host: VariableHost): string {
  return valuesToVariables({ path }, settings, platform, host).path ?? path
}

/**
 * The real path of a file or folder of the manager's own notation, where the manager may open it.
 * @param outputs of the job whose file it is; without, only what all jobs share is opened
 */
export async function sharedFile(
  path: string,
  settings: VariableSettings,
  host: FileHost,
  outputs?: OutputsOf,
): Promise<string | undefined> {
  const real = await realPath(path)
  if (real === undefined || !mayOpen(real, await openFolders(settings, host, outputs))) return undefined
  const facts = await stat(real).catch(() => undefined)
  return facts?.isFile() === true && mayBeSomethingElse(facts) ? undefined : real
}

/**
 * What the manager can do with a folder. `shared`: it may and can read it. `missing`: not now, but a worker that creates folders may
 * change that. `outside`: neither the name nor what exists of the path leads into what the manager may read; only a person can change that,
 * by a link, a mounted disk or a setting.
 */
export type FolderPlace = 'shared' | 'missing' | 'outside'

/** Where a folder of the manager's own notation is. @param folder absolute; others are outside */
export async function placeOfFolder(folder: string, settings: VariableSettings, host: FileHost): Promise<FolderPlace> {
  const [real, open] = await Promise.all([realPath(folder), openFolders(settings, host, undefined)])
  if (real !== undefined) {
    if (!mayOpen(real, open)) return 'outside'
    return (await stat(real).catch(() => undefined))?.isDirectory() === true ? 'shared' : 'missing'
  }
  const above = await nearestReal(folder)
  const leadsInside = above !== undefined && (mayOpen(above, open) || isWithin(above, open.dataFolder))
  return leadsInside || isNamedInside(folder, settings, host, undefined) ? 'missing' : 'outside'
}

/**
 * Whether a path of the manager's own notation names something in the storage, under a two-way variable, in an output folder of the job
 * or in an allowed folder of its worker.
 * By the names alone: it is for disks of workers, which the manager does not see.
 */
export function isNamedInside(path: string, settings: VariableSettings, host: VariableHost, outputs: OutputsOf | undefined): boolean {
  if (!isAbsolutePath(path)) return false
  const toValue = createTextExpander(settings, 'workers', host.platform, host)
  const shared = [host.storagePath, ...twoWayValues(settings, host)]
  const written =
    outputs === undefined ? [] : [outputs.folder ?? '', ...outputFolders(outputs.commands).map(toValue), ...(outputs.allowed ?? [])]
  const folders = [
    ...shared.map(folderKey),
    // A whole disk is no output folder.
    ...written
      .filter((folder) => isAbsolutePath(folder) && !folder.startsWith('{'))
      .map(folderKey)
      .filter((key) => !/^([a-z]:)?\/?$/.test(key)),
  ]
  const key = folderKey(path)
  return folders.some((folder) => folder !== '.' && (key === folder || key.startsWith(folder.endsWith('/') ? folder : `${folder}/`)))
}

/** The result of opening a file: outside of the allowed folders, it does not reveal whether the file exists. */
export type Opened = { file: FileHandle; path: string; bytes: number } | 'outside' | 'missing'

/** Opens a file of the manager's own notation where the manager may. The caller closes it. */
export async function openShared(
  path: string,
  settings: VariableSettings,
  host: FileHost,
  outputs: OutputsOf | undefined,
): Promise<Opened> {
  const folders = await openFolders(settings, host, outputs)
  const real = await realPath(path)
  if (real === undefined) return mayOpen((await nearestReal(path)) ?? host.dataFolder, folders) ? 'missing' : 'outside'
  if (!mayOpen(real, folders)) return 'outside'
  // A pipe would block the reader.
  if (!(await stat(real).catch(() => undefined))?.isFile()) return 'missing'
  const file = await open(real).catch(() => undefined)
  if (file === undefined) return 'missing'
  // A link created in between would lead elsewhere: the opened file must be the one that was checked.
  const [facts, again, there] = await Promise.all([file.stat(), realPath(real), stat(real).catch(() => undefined)])
  const isSame = again === real && there?.isFile() === true && there.dev === facts.dev && there.ino === facts.ino
  if (isSame && !mayBeSomethingElse(facts)) return { file, path: real, bytes: facts.size }
  await file.close()
  return isSame ? 'outside' : 'missing'
}

/** The folders in which files of workers may be opened, links followed; those that are not there are left out. */
async function openFolders(settings: VariableSettings, host: FileHost, outputs: OutputsOf | undefined): Promise<OpenFolders> {
  const [dataFolder, storage, shared, written, allowed] = await Promise.all([
    realPath(host.dataFolder),
    realPath(host.storagePath),
    Promise.all(twoWayValues(settings, host).map(realPath)),
    outputs === undefined ? [] : realOutputs(outputs, settings, host),
    Promise.all((outputs?.allowed ?? []).map(withoutLinks)),
  ])
  return {
    dataFolder: dataFolder ?? resolve(host.dataFolder),
    storage,
    shared: shared.filter(isPath),
    outputs: written,
    allowed: allowed.filter(isPath),
  }
}

/**
 * The output folders that are unchanged: a link in the place of one could lead anywhere. The job's own is compared with
 * its state at submission; those that only its commands name must be reached without links.
 */
async function realOutputs(
  { folder, folderKey: key, commands }: JobOutputs,
  settings: VariableSettings,
  host: FileHost,
): Promise<string[]> {
  const toValue = createTextExpander(settings, 'workers', host.platform, host)
  const found = await Promise.all(
    [...new Set([...(folder === null ? [] : [folder]), ...outputFolders(commands)].map(toValue))].map(async (named) => {
      if (!isAbsolutePath(named) || named.startsWith('{')) return undefined
      const real = await realPath(named)
      if (real === undefined) return undefined
      const isAsSubmitted = named === folder && key !== null && folderKey(real) === key
      return isAsSubmitted || cleanPath(real) === cleanPath(named) ? real : undefined
    }),
  )
  return found.filter(isPath)
}

/** The real path of a folder that is reached without links. */
async function withoutLinks(folder: string): Promise<string | undefined> {
  const real = await realPath(folder)
  return real !== undefined && cleanPath(real) === cleanPath(folder) ? real : undefined
}

/** The folders of two-way variables on a platform. */
export function twoWayValues(settings: VariableSettings, host: VariableHost): string[] {
  return [...variablesFor(settings, 'workers', host.platform, host).values()].flatMap(({ isTwoWay, value }) =>
    isTwoWay && value !== '' ? [value] : [],
  )
}

/** Undefined for missing paths and for relative ones, which would be resolved against the manager's working directory. */
async function realPath(path: string): Promise<string | undefined> {
  return isAbsolute(path) ? realpath(path).catch(() => undefined) : undefined
}

/** The real path of the nearest folder above that is there. */
async function nearestReal(path: string): Promise<string | undefined> {
  if (!isAbsolute(path)) return undefined
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    const real = await realPath(folder)
    if (real !== undefined || dirname(folder) === folder) return real
  }
}

const isPath = (path: string | undefined): path is string => path !== undefined
