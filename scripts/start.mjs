// `npm start`: the desktop program where Electron's runtime is; else manager and worker, for a browser. Sets up when needed.
import { spawn } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { SetupError, program, root, setUp } from './lib/setup.mjs'
import { chooseStart } from './lib/start.mjs'

try {
  setUp(say)
  const choice = chooseStart({ root, platform: process.platform, env: process.env })
  if (choice.kind === 'desktop') {
    const child = spawn(choice.electron, [root, ...process.argv.slice(2)], { stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
    child.on('error', (error) => {
      say(String(error))
      process.exitCode = 1
    })
    child.on('exit', (code) => (process.exitCode = code ?? 1))
  } else {
    say(choice.why)
    // In this process, so that Ctrl-C and SIGTERM reach the program itself; it prints its address.
    process.argv = [process.argv[0], program, 'both', ...process.argv.slice(2)]
    await import(pathToFileURL(program).href)
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  say(error.message)
  process.exitCode = 1
}

function say(line) {
  process.stderr.write(`${line}\n`)
}
