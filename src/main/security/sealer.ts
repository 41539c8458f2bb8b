/** Encrypts what must be given out again, such as passwords for other services, with a key in a file beside the database. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** In the data folder, readable by the user that the manager runs as. A backup without it cannot show any secret. */
export const KEY_FILE = 'secret.key'

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** The sealed text cannot be opened: another key, or it was changed. */
export class SealBrokenError extends Error {
  override readonly name = 'SealBrokenError'
}

export class Sealer {
  private constructor(private readonly key: Buffer) {}

  /** Reads the key, or makes it at the first start. @throws Error when the file holds no key */
  static async open(dataDir: string): Promise<Sealer> {
    const path = join(dataDir, KEY_FILE)
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    })
    const key = text === undefined ? randomBytes(KEY_BYTES) : Buffer.from(text.trim(), 'base64url')
    if (key.length !== KEY_BYTES) throw new Error(`${path} does not hold a key of ${KEY_BYTES} bytes`)
    if (text === undefined) await writeFile(path, `${key.toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
    return new Sealer(key)
  }

  /** `context`: what the secret belongs to; it opens only for the same. */
  seal(secret: string, context: string): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(context))
    const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')
  }

  /** @throws SealBrokenError */
  open(sealed: string, context: string): string {
    const bytes = Buffer.from(sealed, 'base64url')
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, NONCE_BYTES))
      decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      throw new SealBrokenError(`the secret of ${context} cannot be opened with this manager's key`)
    }
  }
}
