/** From a script's JOB_TYPE, which may hold anything, to a checked job type. Pure. */
import { Value } from 'typebox/value'
import { JobSetting, type JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import { jobTypeEtag } from './etag.ts'

/** JOB_TYPE is not what it must be; the message names the setting and the field. */
export class JobTypeError extends Error {
  override readonly name = 'JobTypeError'
}

/** `simple_blender_render.js` → `simple-blender-render`. */
export function jobTypeName(fileName: string): string {
  return fileName.replace(/\.js$/, '').replaceAll('_', '-')
}

/** Checks JOB_TYPE and adds name and etag; fields that no client knows are left out. @throws JobTypeError */
export function readJobType(name: string, raw: unknown): JobTypeInfo {
  if (!isObject(raw)) throw new JobTypeError('JOB_TYPE must be an object')
  const { label, description, settings } = raw
  if (typeof label !== 'string' || label === '') throw new JobTypeError('JOB_TYPE.label must be a text')
  if (description !== undefined && description !== null && typeof description !== 'string')
    throw new JobTypeError('JOB_TYPE.description must be a text')
  if (settings !== undefined && settings !== null && !Array.isArray(settings)) throw new JobTypeError('JOB_TYPE.settings must be a list')
  const list: unknown[] = Array.isArray(settings) ? settings : []
  const read = list.map(readSetting)
  const twice = read.find(({ key }, index) => read.findIndex((other) => other.key === key) !== index)
  if (twice !== undefined) throw new JobTypeError(`JOB_TYPE.settings has "${twice.key}" twice`)
  const info = { name, label, ...(typeof description === 'string' ? { description } : {}), settings: read }
  return { ...info, etag: jobTypeEtag(info) }
}

function readSetting(raw: unknown, index: number): JobSetting {
  if (!isObject(raw)) throw new JobTypeError(`JOB_TYPE.settings[${index}] must be an object`)
  const key = raw['key']
  if (typeof key !== 'string' || key === '') throw new JobTypeError(`JOB_TYPE.settings[${index}].key must be a text`)
  const known = Object.keys(JobSetting.properties)
  const setting = Object.fromEntries(Object.entries(raw).filter(([field, value]) => known.includes(field) && value !== null))
  if (isObject(setting['evalInfo'])) setting['evalInfo'] = { showLinkButton: false, description: '', ...setting['evalInfo'] }
  const problem = Value.Errors(JobSetting, setting)[0]
  if (problem !== undefined) throw new JobTypeError(`setting "${key}": ${describeProblem(problem)}`)
  // Checked above.
  const checked = setting as JobSetting
  if (checked.choices !== undefined && checked.type !== 'string')
    throw new JobTypeError(`setting "${key}": choices are for type "string" only`)
  return checked
}

function describeProblem(problem: ReturnType<typeof Value.Errors>[number]): string {
  const { keyword, instancePath, message, params } = problem
  const field = instancePath.slice(1).replaceAll('/', '.')
  if (keyword === 'required' && 'requiredProperties' in params) return `${params.requiredProperties.map(String).join(', ')} is missing`
  if (keyword === 'enum' && 'allowedValues' in params) return `${field} must be one of ${params.allowedValues.map(String).join(', ')}`
  return `${field} ${message}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
