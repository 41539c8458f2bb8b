/** Workflows that crons and generators keep: JSON in a text, as clients send them. */
import { checkGraph } from '../processes/submission.ts'
import { checkSpec, WorkflowSpec, type FuncSpec } from '../processes/specs.ts'
import { ColoniesError } from '../wire/errors.ts'
import { parseExact } from '../wire/exactJson.ts'
import { decode } from '../wire/lenient.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'

const LONGEST = 4_194_304

/** @throws ColoniesError 400 */
export function readWorkflow(text: string): FuncSpec[] {
  if (text.length > LONGEST) throw new ColoniesError(400, `workflowspec has more than ${LONGEST} characters`)
  try {
    const { functionspecs } = decode(WorkflowSpec, parseExact(text))
    checkGraph(functionspecs)
    for (const spec of functionspecs) checkSpec(spec)
    return functionspecs
  } catch (error) {
    if (error instanceof InvalidInputError) throw new ColoniesError(400, `workflowspec: ${error.message}`)
    if (error instanceof ColoniesError) throw new ColoniesError(400, `workflowspec: ${error.message}`)
    throw error
  }
}
