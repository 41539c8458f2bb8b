// Programs that run from source beside `npm run dev`. Each ends with the channel to this process, however this one ends.
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { root } from './setup.mjs'

const LOADER = new URL('./sources.mjs', import.meta.url).href
/** A program that was asked to end is ended after this. */
const PATIENCE_MS = 10_000

/**
 * Starts a program, and again on request. One that ends by itself is left alone until then: its sources have to change first.
 * `firstStart` resolves when it has printed its first line, or has ended.
 * @param {string} program below the root
 * @param {readonly string[]} args
 * @param {(line: string) => void} say
 */
export function keepRunning(program, args, say) {
  let child
  let ended = Promise.resolve()
  let wanted = true
  let turn = Promise.resolve()

  function start() {
    child = run(program, args, ['ignore', 'pipe', 'inherit', 'ipc'])
    const mine = child
    const started = new Promise((resolve) => {
      // Read to its end, whatever comes: a program waits for a pipe that is full.
      mine.stdout.on('data', resolve)
      mine.once('exit', resolve)
    })
    ended = new Promise((resolve) => mine.once('exit', resolve))
    void ended.then((status) => {
      if (wanted && child === mine) say(`${program} ended with status ${status}; it starts again when a source changes`)
    })
    return started
  }

  async function end() {
    const mine = child
    child = undefined
    if (mine.connected) mine.disconnect()
    const force = setTimeout(() => mine.kill('SIGKILL'), PATIENCE_MS)
    await ended
    clearTimeout(force)
  }

  return {
    firstStart: start(),
    /** Resolves when the new one has printed its first line. */
    restart() {
      turn = turn.then(async () => {
        if (!wanted) return
        await end()
        if (wanted) await start()
      })
      return turn
    },
    async stop() {
      wanted = false
      await turn
      if (child) await end()
    },
  }
}

/** Runs a program to its end. @throws Error when it fails */
export async function runToEnd(program, args) {
  const child = run(program, args, ['ignore', 'inherit', 'inherit', 'ipc'])
  const status = await new Promise((resolve) => child.once('close', resolve))
  if (status !== 0) throw new Error(`${program} ended with status ${status}`)
}

/** @returns {Promise<number>} */
export async function freePort() {
  const server = createServer()
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Whether a server can listen on this port of loopback. @param {number} port @returns {Promise<boolean>} */
export function isFree(port) {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function run(program, args, stdio) {
  const env = { ...process.env, FRAMEHOUSE_SUPERVISED: '1' }
  // It ends with its channel; it has no npm of its own to watch.
  for (const name of ['npm_lifecycle_event', 'npm_command']) delete env[name]
  return spawn(process.execPath, ['--import', LOADER, join(root, program), ...args], { cwd: root, env, stdio, windowsHide: true })
}
