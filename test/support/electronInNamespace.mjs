/**
 * Starts an Electron in a network namespace for Playwright, which runs outside and reads the addresses of its debuggers from what it
 * prints: each of them is reached from outside at the same port of 127.0.0.1, through a process inside.
 * node electronInNamespace.mjs NAMESPACE ELECTRON ARGS…
 */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'

const [namespace = '', ...command] = process.argv.slice(2)
const inside = (words, stdio) => spawn('ip', ['netns', 'exec', namespace, ...words], { stdio })
const electron = inside(command, ['ignore', 'pipe', 'pipe'])
electron.stdout.pipe(process.stdout)

const RELAY = `const socket = require('net').connect(Number(process.argv[1]), '127.0.0.1')
process.stdin.pipe(socket).pipe(process.stdout)
socket.on('error', () => process.exit())
socket.on('close', () => process.exit())`

function relay(port) {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      const way = inside([process.execPath, '-e', RELAY, String(port)], ['pipe', 'pipe', 'ignore'])
      socket.pipe(way.stdin).on('error', () => socket.destroy())
      way.stdout.pipe(socket)
      way.on('exit', () => socket.destroy())
      socket.on('error', () => way.kill())
      socket.on('close', () => way.kill())
    })
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
}

// A line is passed on when its port is open outside, in order.
let pending = Promise.resolve()
let text = ''
electron.stderr.setEncoding('utf8').on('data', (chunk) => {
  text += chunk
  const lines = text.split('\n')
  text = lines.pop() ?? ''
  for (const line of lines) {
    const port = Number(/listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1])
    pending = pending.then(() => (port ? relay(port) : undefined)).then(() => void process.stderr.write(`${line}\n`))
  }
})
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => electron.kill(signal))
electron.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
