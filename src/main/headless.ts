/** The program under plain Node: `framehouse …`. Everything it can do is in cli/. */
import { run } from './cli/run.ts'

/** What is still open after the command's own end (an idle socket, a thread) may not hold the program longer than this. */
const LINGER_MS = 3_000

process.exitCode = await run(process.argv.slice(2), import.meta.filename)
setTimeout(() => process.exit(), LINGER_MS).unref()
