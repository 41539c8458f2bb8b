/**
 * Encrypts secrets that the manager must read back (a mail server's password) at rest, with a key that is stored beside
 * the database and not in it: a copy of the database, or a backup, reveals none of them.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** In the data folder; readable only by the user that runs the manager. */
export const SECRET_KEY_FILE = 'secret.key'

const MARK = 'sealed$1$'
const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

export class SecretBox {
  constructor(private readonly key: Buffer) {}

  /** Reads the key of this data folder, or creates one. @throws Error when the file is not a valid key */
  static async open(dataDir: string): Promise<SecretBox> {
    const file = join(dataDir, SECRET_KEY_FILE)
    await writeFile(file, randomBytes(KEY_BYTES), { mode: 0o600, flag: 'wx' }).catch(ignoreExisting)
    const key = await readFile(file)
    if (key.length !== KEY_BYTES) throw new Error(`${file} is not a valid key: it must have ${KEY_BYTES} bytes`)
    return new SecretBox(key)
  }

  /** The empty text stays empty: it means that there is no secret. */
  seal(text: string): string {
    if (text === '') return ''
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.key, iv)
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return MARK + Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
  }

  /** @returns undefined for texts that were not sealed with this key, for example after a database was moved without it */
  unseal(sealed: string): string | undefined {
    if (sealed === '') return ''
    if (!sealed.startsWith(MARK)) return undefined
    const bytes = Buffer.from(sealed.slice(MARK.length), 'base64url')
    if (bytes.length < IV_BYTES + TAG_BYTES) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, IV_BYTES))
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    try {
      return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8')
    } catch {
      return undefined
    }
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
