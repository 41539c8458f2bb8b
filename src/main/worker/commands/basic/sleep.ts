/** `sleep`: waits for whole seconds. */
import { setTimeout as wait } from 'node:timers/promises'
import { Type } from 'typebox'
import { goDuration } from '../goText.ts'
import { readParameters } from '../parameters.ts'
import type { CommandRunner } from '../../contract/commands.ts'

const Parameters = Type.Object({ duration_in_seconds: Type.Number({ minimum: 0 }) })

/** Node's timers hold 31 bits of milliseconds; longer sleeps take several. A part is also a sign of life. */
const PART_MS = 30_000

export const sleep: CommandRunner = async (command, context) => {
  const { duration_in_seconds: duration } = readParameters(Parameters, command)
  const seconds = Math.trunc(duration)
  context.activity(`sleeping for ${goDuration(seconds)}`)
  for (let left = seconds * 1000; left > 0; left -= PART_MS) {
    try {
      await wait(Math.min(left, PART_MS), undefined, { signal: context.signal })
    } catch {
      break
    }
    context.alive()
  }
  context.signal.throwIfAborted()
  context.log('stdout', `slept ${goDuration(seconds)}\n`)
}
