/** Sizes as conditions write them: `1000m` of a processor, `512Mi` of memory. Pure. */
import { ColoniesError } from '../wire/errors.ts'

const UNITS: Readonly<Record<string, number>> = {
  K: 1e3,
  KB: 1e3,
  Kb: 1e3,
  Ki: 2 ** 10,
  KiB: 2 ** 10,
  M: 1e6,
  MB: 1e6,
  Mb: 1e6,
  Mi: 2 ** 20,
  MiB: 2 ** 20,
  G: 1e9,
  GB: 1e9,
  Gb: 1e9,
  Gi: 2 ** 30,
  GiB: 2 ** 30,
  TB: 1e12,
  Tb: 1e12,
  Ti: 2 ** 40,
  TiB: 2 ** 40,
}

/** Thousandths of a processor; without a unit, processors. @throws ColoniesError 400 */
export function cpuOf(text: string, field: string): number {
  if (text === '') return 0
  const match = /^(\d+(?:\.\d+)?)(m?)$/.exec(text)
  if (!match) throw new ColoniesError(400, `${field}: "${text}" is no amount of processors, such as 1000m`)
  return Number(match[1]) * (match[2] === 'm' ? 1 : 1_000)
}

/** Bytes. @throws ColoniesError 400 */
export function bytesOf(text: string, field: string): number {
  if (text === '') return 0
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text)
  const unit = UNITS[match?.[2] ?? '']
  if (!match || unit === undefined) throw new ColoniesError(400, `${field}: "${text}" is no size with a unit, such as 512Mi`)
  return Math.floor(Number(match[1]) * unit)
}
