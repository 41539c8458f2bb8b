/** A gateway in front of the actors API: signs assertions about users as WSO2's does. */
import { createSign, generateKeyPairSync } from 'node:crypto'

export class Gateway {
  private readonly keys = generateKeyPairSync('rsa', { modulusLength: 2048 })

  get publicKey(): string {
    return this.keys.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  }

  /** Headers of a request by this user. */
  headers(
    user: string,
    { roles = 'Internal/everyone', tenant = 'DEV', alg = 'RS256', expires = 4_000_000_000, signs = true } = {},
  ): Record<string, string> {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = { 'http://wso2.org/claims/enduser': `${user}@carbon.super`, 'http://wso2.org/claims/role': roles, exp: expires }
    const content = `${part({ typ: 'JWT', alg })}.${part(claims)}`
    const signature = createSign('sha256').update(content).sign(this.keys.privateKey)
    const shown = signs ? signature : Buffer.from('nothing')
    return { [`X-JWT-Assertion-${tenant}`]: `${content}.${shown.toString('base64url')}` }
  }
}
