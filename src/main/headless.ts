/** The program under plain Node: `framehouse …`. Everything it can do is in cli/. */
import { run } from './cli/run.ts'

process.exitCode = await run(process.argv.slice(2))
