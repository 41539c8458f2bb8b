/** Links of the form `framehouse://job/ID` as pages of the GUI. Pure. */
import { isUuid } from '../../shared/ids.ts'

export const SCHEME = 'framehouse'

/** The page a link means; undefined for anything else, so that a link can never carry a path of its own making. */
export function pageOfLink(link: string): string | undefined {
  const match = /^framehouse:\/\/(job|worker)\/([^/?#]+)\/?$/i.exec(link.trim())
  const [, kind, id] = match ?? []
  if (!kind || !id || !isUuid(id)) return undefined
  return kind.toLowerCase() === 'job' ? `/jobs/${id.toLowerCase()}` : `/workers/${id.toLowerCase()}`
}

/** The link among a program's arguments (Windows and Linux hand it over there). */
export function linkOfArgs(args: readonly string[]): string | undefined {
  return args.find((arg) => arg.toLowerCase().startsWith(`${SCHEME}://`))
}
