// Installs and builds when needed, and does nothing when all is current. For tests that run the built program by themselves.
import { SetupError, setUp } from './lib/setup.mjs'

try {
  setUp((line) => process.stderr.write(`${line}\n`))
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
