/** The submit form's logic: which settings are shown, what they start with, what is wrong with a value. Pure. */
import { countFrames, FrameRangeError } from '../../../shared/frames/frameRange.ts'
import type { Policy } from '../../../shared/policy.ts'
import type { JobSetting, JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'

export type Values = Record<string, unknown>
/** What is wrong with a value: an i18n key of `submit.*`, or a text of the manager. */
export interface Problem {
  key: string
  text?: string
}

/** Settings that a person fills in when submitting; `web` ones are only shown afterwards, `hidden` ones never. */
export function formSettings(type: JobTypeInfo): JobSetting[] {
  return type.settings.filter((setting) => (setting.visible ?? 'visible') === 'visible' || setting.visible === 'submission')
}

/**
 * Settings that people do not see when they submit from Blender, because its add-on fills them in. Here a worker with Blender
 * does, or a person types them. The file itself is not among them: it has a place of its own.
 */
export function sceneSettings(type: JobTypeInfo): JobSetting[] {
  const file = fileSetting(type)?.key
  return type.settings.filter(
    (setting) =>
      (setting.visible === 'web' || setting.visible === 'hidden') &&
      setting.key !== file &&
      (setting.eval !== undefined || (setting.required === true && setting.default === undefined)),
  )
}

/** All that a submission can hold. */
export function allSettings(type: JobTypeInfo): JobSetting[] {
  const file = fileSetting(type)
  const shown = [...formSettings(type), ...sceneSettings(type)]
  return file && !shown.includes(file) ? [file, ...shown] : shown
}

/** Made when the job is submitted, out of the others: shown, and not typed. */
export const isMadeLater = (setting: JobSetting) => setting.editable === false && setting.eval !== undefined && setting.required !== true

/** What every job has beside the settings of its type. */
export interface JobHead {
  name: string
  project: string
  priority: number
  tag: string | null
  maxWorkers: number | null
  maxTasks: number | null
  startAfter: number | null
  dependsOn: string[]
  limits: string[]
  keepWholeFrames: boolean
  pictureChecks: NonNullable<Policy['pictureChecks']>
  missingFiles: NonNullable<Policy['missingFiles']>
  /** Null: what the farm's settings say; 0: none. */
  maxLogBytes: number | null
}

/** What a job's head starts with. */
export const EMPTY_HEAD: Readonly<JobHead> = {
  name: '',
  project: '',
  priority: 50,
  tag: null,
  maxWorkers: null,
  maxTasks: null,
  startAfter: null,
  dependsOn: [],
  limits: [],
  keepWholeFrames: false,
  pictureChecks: 'warn',
  missingFiles: 'warn',
  maxLogBytes: null,
}

/** The rules that the form asks for, as far as they differ from what the manager does by itself. */
export function policyToSend({ pictureChecks, missingFiles, maxLogBytes }: JobHead): { policy?: Partial<Policy> } {
  const policy = {
    ...(pictureChecks !== 'warn' && { pictureChecks }),
    ...(missingFiles !== 'warn' && { missingFiles }),
    ...(maxLogBytes !== null && { maxLogBytes }),
  }
  return Object.keys(policy).length > 0 ? { policy } : {}
}

/** The value before anyone touched it; undefined lets the manager decide. */
function initialValue(setting: JobSetting): unknown {
  if (setting.default !== undefined) return setting.default
  if (setting.type === 'bool') return false
  return undefined
}
/** `from`: settings of a job that is cloned. What is made at each submission is not taken over: it names that job's own files. */
export function initialValues(type: JobTypeInfo, from: Values = {}): Values {
  const values: Values = {}
  for (const setting of allSettings(type)) {
    const value = setting.key in from && !isMadeLater(setting) ? from[setting.key] : initialValue(setting)
    if (value !== undefined) values[setting.key] = value
  }
  return values
}

/** A setting that is a frame range by its name: it is counted and checked as one. */
export const isFrameRange = (setting: JobSetting) => setting.type === 'string' && setting.key === 'frames'

export function problemOf(setting: JobSetting, value: unknown): Problem | undefined {
  const missing = value === undefined || value === null || value === ''
  if (missing) return setting.required ? { key: 'required' } : undefined
  if (setting.type === 'int32' && !(typeof value === 'number' && Number.isInteger(value))) return { key: 'whole' }
  if (setting.type === 'float' && !(typeof value === 'number' && Number.isFinite(value))) return { key: 'number' }
  if (isFrameRange(setting) && typeof value === 'string') {
    try {
      countFrames(value)
    } catch (error) {
      if (error instanceof FrameRangeError) return { key: 'framesWrong' }
      throw error
    }
  }
  return undefined
}

export function frameCount(value: unknown): number | null {
  if (typeof value !== 'string' || value.trim() === '') return null
  try {
    return countFrames(value)
  } catch {
    return null
  }
}

/** The submission, without empty fields. */
export function settingsToSend(type: JobTypeInfo, values: Values): Values {
  const sent: Values = {}
  for (const setting of allSettings(type)) {
    const value = values[setting.key]
    if (value !== undefined && value !== null && value !== '') sent[setting.key] = value
  }
  return sent
}

/** `shot_010.blend` → `shot_010`, for the name of a job made of a dropped file. */
export function nameOfFile(path: string): string {
  return path.replace(/^.*[\\/]/, '').replace(/\.[^.]+$/, '')
}

/** The setting that a dropped file goes into: a Blender file where there is one, else the first file path. */
export function fileSetting(type: JobTypeInfo): JobSetting | undefined {
  const files = formSettings(type).filter((setting) => setting.subtype === 'file_path' || setting.subtype === 'hashed_file_path')
  return (
    type.settings.find((setting) => setting.key === 'blendfile') ??
    files.find((setting) => /blend|scene|file/.test(setting.key)) ??
    files[0]
  )
}
