/** An S3 client in a few lines: signs a request and sends it byte by byte, so that tests can send what no SDK would. */
import { createHash } from 'node:crypto'
import { request, type IncomingHttpHeaders } from 'node:http'
import { canonicalRequest, signingKey, sha256 } from '../../src/main/dialects/colonies/s3/auth/signature.ts'
import { readAddress } from '../../src/main/dialects/colonies/s3/wire/address.ts'
import { createHmac } from 'node:crypto'

export interface S3Reply {
  status: number
  headers: IncomingHttpHeaders
  bytes: Buffer
  text: string
  /** The code of an error's document. */
  code: string
}

export interface S3Send {
  headers?: Record<string, string>
  body?: Buffer | string
  /** What is signed in place of the body's hash; missing: its hash. */
  payload?: string
  /** When the request says that it was made. */
  at?: Date
  /** Changes what was signed, before it is sent. */
  spoil?(headers: Record<string, string>): void
  /** Sends so many bytes of the body, then breaks off. */
  breakAfter?: number
  /** The path is sent as it is given: already encoded. */
  path?: string
}

export interface S3Identity {
  accessKey: string
  secretKey: string
}

const dateOf = (at: Date): string => at.toISOString().replace(/[-:]|\.\d+/g, '')
const REGION = 'us-east-1'

export class S3Caller {
  constructor(
    readonly port: number,
    readonly identity: S3Identity,
  ) {}

  get host(): string {
    return `127.0.0.1:${this.port}`
  }

  scope(at: Date): string {
    return `${dateOf(at).slice(0, 8)}/${REGION}/s3/aws4_request`
  }

  /** Headers of a signed request. */
  sign(method: string, path: string, { headers = {}, body = '', payload = sha256(body), at = new Date() }: S3Send): Record<string, string> {
    const all: Record<string, string> = {
      host: this.host,
      'x-amz-date': dateOf(at),
      'x-amz-content-sha256': payload,
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    }
    const signedHeaders = Object.keys(all)
      .filter((name) => name !== 'content-length')
      .sort()
    const address = readAddress(path, this.host, [])
    const canonical = canonicalRequest({ method, address, headers: new Map(Object.entries(all)) }, { signedHeaders, payload })
    const text = ['AWS4-HMAC-SHA256', dateOf(at), this.scope(at), sha256(canonical)].join('\n')
    const signature = createHmac('sha256', signingKey(this.identity.secretKey, this.scope(at)))
      .update(text)
      .digest('hex')
    const credential = `${this.identity.accessKey}/${this.scope(at)}`
    all['authorization'] = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`
    return all
  }

  send(method: string, path: string, options: S3Send = {}): Promise<S3Reply> {
    const body = Buffer.from(options.body ?? '')
    const headers = this.sign(method, path, options)
    if (body.length > 0 || method === 'PUT' || method === 'POST') headers['content-length'] ??= String(body.length)
    options.spoil?.(headers)
    return this.raw(method, path, headers, body, options.breakAfter)
  }

  raw(method: string, path: string, headers: Record<string, string>, body: Buffer, breakAfter?: number): Promise<S3Reply> {
    return new Promise((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port: this.port, method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const bytes = Buffer.concat(chunks)
          const text = bytes.toString('utf8')
          const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? ''
          resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, text, code })
        })
      })
      call.on('error', reject)
      if (breakAfter === undefined) call.end(body)
      else call.write(body.subarray(0, breakAfter), () => setTimeout(() => call.destroy(new Error('broken off')), 50))
    })
  }
}

/** The seed of a chunked body: the signature in a header. */
export function seedOf(headers: Record<string, string>): string {
  return /Signature=([0-9a-f]{64})/.exec(headers['authorization'] ?? '')?.[1] ?? ''
}

export const md5 = (bytes: Buffer | string): string => createHash('md5').update(bytes).digest('hex')
