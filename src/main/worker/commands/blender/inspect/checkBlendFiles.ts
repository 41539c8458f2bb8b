/**
 * `check-blend-files`: fails when a file is missing that a .blend needs, with the names of the missing ones. Parameters: `exe`,
 * `blendfile`. For jobs whose policy says that nothing is to be rendered then; elsewhere missing files are warnings.
 */
import { plural, pluralDo } from '../../../../../shared/text/plural.ts'
import { lookInto } from './inspectBlend.ts'
import { CommandFailedError, type CommandRunner } from '../../../contract/commands.ts'

/** Names that fit into the reason of a failure; the log has all. */
const NAMED = 5

export const checkBlendFiles: CommandRunner = async (command, context) => {
  const { missing, missingCount = missing.length } = await lookInto(command, context)
  if (missingCount === 0) return context.log('stdout', 'All files that the scene needs are there.')
  context.log('stdout', ['Missing files:', ...missing].join('\n'))
  const more = missingCount - Math.min(NAMED, missing.length)
  const names = [...missing.slice(0, NAMED), ...(more > 0 ? [`${plural(more, 'more', 'more')}; see the log`] : [])]
  throw new CommandFailedError(`${pluralDo(missingCount, 'file', 'is', 'are')} missing that the scene needs: ${names.join(', ')}`)
}
