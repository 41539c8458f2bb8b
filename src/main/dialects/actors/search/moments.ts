/** Moments in searches: ISO 8601 down to a bare year, with a zone or in UTC. Pure. */
const MOMENT =
  /^\s*(\d{4})(?:-?(\d{2}))?(?:-?(\d{2}))?(?:[T ](\d{2})(?::?(\d{2}))?(?::?(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|z|[+-]\d{2}:?\d{2})?\s*$/

/** Undefined for a text that is none. */
export function parseMoment(text: string): Date | undefined {
  const match = MOMENT.exec(text)
  if (!match) return undefined
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = match
  const ms = Number(fraction.padEnd(3, '0').slice(0, 3))
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second), ms)
  const isReal =
    Number(month) <= 12 && Number(month) >= 1 && Number(day) >= 1 && Number(day) <= 31 && Number(hour) <= 24 && Number(minute) < 60
  return isReal && Number.isFinite(at) ? new Date(at - offsetMs(zone)) : undefined
}

function offsetMs(zone: string): number {
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone)
  if (!match) return 0
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000
}
