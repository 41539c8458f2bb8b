/**
 * Recovers the keys of signatures: a single one at once, several that arrive together in a thread, so that the main one
 * goes on with other requests. Each takes a good part of a millisecond's tenth, more than everything else of a request.
 */
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { idOfPublicKey, recoverKey, SignatureError, splitSignature } from './signatures.ts'

const HASH_BYTES = 32
const SIGNED_BYTES = HASH_BYTES + 65
const KEY_BYTES = 65
/** Identities whose keys are remembered: hashing a key costs as much as hashing a request. */
const MOST_KEYS = 1_024

/** Runs in a thread of its own, as text, so that no build has to find a file for it. A key that begins with 0 is none. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const secp256k1 = require(workerData)
parentPort.on('message', (signed) => {
  const keys = new Uint8Array(${KEY_BYTES} * (signed.length / ${SIGNED_BYTES}))
  for (let at = 0, to = 0; at < signed.length; at += ${SIGNED_BYTES}, to += ${KEY_BYTES}) {
    const hash = signed.subarray(at, at + ${HASH_BYTES})
    const signature = signed.subarray(at + ${HASH_BYTES}, at + ${SIGNED_BYTES} - 1)
    try { keys.set(secp256k1.ecdsaRecover(signature, signed[at + ${SIGNED_BYTES} - 1], hash, false), to) } catch { keys[to] = 0 }
  }
  parentPort.postMessage(keys, [keys.buffer])
})
`

interface Wanted {
  hash: Uint8Array
  signature: Buffer
  resolve(id: string): void
  reject(error: SignatureError): void
}

export class Recovery {
  private waiting: Wanted[] = []
  /** What the thread works on, in order. */
  private readonly sent: Wanted[][] = []
  private thread: Worker | undefined
  private isBroken = false
  private readonly ids = new Map<string, string>()

  /** @param module the file of the `secp256k1` package @param onBroken the thread ended; all is done without it from then on */
  constructor(
    private readonly onBroken: (error: unknown) => void,
    private readonly module = createRequire(import.meta.url).resolve('secp256k1'),
  ) {}

  /** The id of the signer of a text with this hash. @throws SignatureError */
  async signer(hash: Uint8Array, signature: string): Promise<string> {
    const split = splitSignature(signature)
    return new Promise((resolve, reject) => {
      if (this.waiting.push({ hash, signature: split, resolve, reject }) === 1) setImmediate(() => this.flush())
    })
  }

  close(): void {
    this.isBroken = true
    void this.thread?.terminate()
    this.thread = undefined
  }

  private flush(): void {
    const batch = this.waiting
    this.waiting = []
    // While the thread is at work, one that arrives alone would wait for it longer than it takes.
    if (batch.length === 1 || this.isBroken) return this.recoverHere(batch)
    const signed = new Uint8Array(SIGNED_BYTES * batch.length)
    for (const [number, { hash, signature }] of batch.entries()) {
      signed.set(hash, number * SIGNED_BYTES)
      signed.set(signature, number * SIGNED_BYTES + HASH_BYTES)
    }
    this.sent.push(batch)
    this.thread ??= this.start()
    this.thread.postMessage(signed, [signed.buffer])
  }

  private start(): Worker {
    const thread = new Worker(THREAD, { eval: true, workerData: this.module, env: {}, execArgv: [] })
    thread.unref()
    thread.on('message', (keys: Uint8Array) => {
      for (const [number, wanted] of (this.sent.shift() ?? []).entries()) {
        const key = keys.subarray(number * KEY_BYTES, (number + 1) * KEY_BYTES)
        if (key[0] === 0) wanted.reject(new SignatureError('Invalid signature'))
        else wanted.resolve(this.idOf(key))
      }
    })
    thread.once('error', (error) => {
      this.onBroken(error)
      this.isBroken = true
    })
    thread.once('exit', () => {
      this.isBroken = true
      this.thread = undefined
      for (const batch of this.sent.splice(0)) this.recoverHere(batch)
    })
    return thread
  }

  private recoverHere(batch: readonly Wanted[]): void {
    for (const { hash, signature, resolve, reject } of batch) {
      try {
        resolve(this.idOf(recoverKey(hash, signature)))
      } catch (error) {
        reject(error instanceof SignatureError ? error : new SignatureError('Invalid signature'))
      }
    }
  }

  private idOf(key: Uint8Array): string {
    const text = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
    let id = this.ids.get(text)
    if (id === undefined) {
      id = idOfPublicKey(key)
      if (this.ids.size >= MOST_KEYS) this.ids.clear()
      this.ids.set(text, id)
    }
    return id
  }
}
