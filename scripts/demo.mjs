// `npm run demo [-- --exit]`: from a fresh clone to a rendered animation. Sets up when needed, then runs `framehouse demo`.
import { pathToFileURL } from 'node:url'
import { SetupError, program, setUp } from './lib/setup.mjs'

try {
  setUp((line) => process.stderr.write(`${line}\n`))
  // In this process, so that Ctrl-C and SIGTERM reach the program itself.
  process.argv = [process.argv[0], program, 'demo', ...process.argv.slice(2)]
  await import(pathToFileURL(program).href)
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
