/** Files on their way to a manager and results on their way home, against `curl -T` to a route that writes and syncs. Over loopback: no wire. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connection } from '../../src/main/cli/client/http.ts'
import { sendFiles, type LocalFile } from '../../src/main/cli/client/sendFiles.ts'
import type { ManagerProcess } from '../support/managerProcess.ts'

export interface ContentRate {
  files: number
  bytes: number
  /** Seconds of the plain upload, and of ours. */
  plainSeconds: number
  ownSeconds: number
  managerRssBytes: number
}

/** Sends `files` files of `bytes` each, both ways. Their content is random: nothing is there before. */
export async function measureContent(manager: ManagerProcess, files: number, bytes: number): Promise<ContentRate> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-bench-content-'))
  try {
    const local: LocalFile[] = []
    for (let at = 0; at < files; at++) {
      const file = join(folder, `${at}.bin`)
      await fill(file, bytes)
      local.push({ file, place: `in/${at}.bin`, frames: null })
    }
    const plainSeconds = await plainUpload(folder, local)
    const began = performance.now()
    const to = connection(manager.url, undefined, new AbortController().signal)
    await sendFiles(to, local, { hashed: () => undefined, sent: () => undefined })
    const ownSeconds = (performance.now() - began) / 1000
    return { files, bytes, plainSeconds, ownSeconds, managerRssBytes: (await manager.usage()).rssBytes }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function fill(file: string, bytes: number): Promise<void> {
  const block = randomBytes(Math.min(bytes, 1 << 20))
  const target = await open(file, 'w')
  try {
    for (let left = bytes, number = 0; left > 0; left -= block.length, number++) {
      block.writeUInt32LE(number)
      await target.write(block, 0, Math.min(left, block.length))
    }
  } finally {
    await target.close()
  }
}

/** One `curl -T` for all files, over one connection, to a server that writes each and syncs it. */
async function plainUpload(folder: string, files: readonly LocalFile[]): Promise<number> {
  let number = 0
  const server = createServer((request, response) => {
    void (async () => {
      const target = await open(join(folder, `received-${number++}`), 'w')
      for await (const chunk of request) await target.write(chunk as Buffer)
      await target.sync()
      await target.close()
      response.writeHead(204).end()
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A listening TCP server's address is an object.
  const { port } = server.address() as AddressInfo
  const list = join(folder, 'curl.txt')
  await writeFile(list, files.map(({ file }, at) => `upload-file = "${file}"\nurl = "http://127.0.0.1:${port}/${at}"`).join('\n'))
  const began = performance.now()
  await promisify(execFile)('curl', ['-sS', '--fail', '-K', list], { maxBuffer: 1 << 24 })
  const seconds = (performance.now() - began) / 1000
  server.close()
  return seconds
}
