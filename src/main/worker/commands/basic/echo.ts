/** `echo`: writes a message into the log. Any value will do as a message. */
import { Type } from 'typebox'
import { goQuote } from '../goText.ts'
import { readParameters } from '../parameters.ts'
import type { CommandRunner } from '../../contract/commands.ts'

const Parameters = Type.Object({ message: Type.Unknown() })

export const echo: CommandRunner = async (command, context) => {
  context.signal.throwIfAborted()
  const { message } = readParameters(Parameters, command)
  const text = typeof message === 'string' ? message : (JSON.stringify(message) ?? String(message))
  context.log('stdout', `echo: ${goQuote(text)}\n`)
}
