/** The real boto3, AWS CLI and pycolonies from PyPI against the S3 endpoint. */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ColoniesCaller } from '../../support/coloniesCaller.ts'
import { requirePart } from '../../support/parts.ts'
import { s3Clients } from '../../support/pythonClients.ts'
import { openS3Farm, type S3Farm } from '../../support/s3Farm.ts'
import type { S3Caller } from '../../support/s3Caller.ts'

const PATIENCE_MS = 300_000
const MIB = 1_048_576

requirePart('python').describe('S3 clients', () => {
  let farm: S3Farm
  let s3: S3Caller
  let user: ColoniesCaller
  let clients: { python: string; aws: string }
  let folder: string

  beforeAll(async () => {
    clients = s3Clients()
    farm = await openS3Farm({ coloniesS3Hosts: 's3.localhost' })
    ;({ s3, user } = await farm.colony('studio'))
    folder = await mkdtemp(join(tmpdir(), 'framehouse-s3-clients-'))
  }, PATIENCE_MS)
  afterAll(async () => {
    await farm?.farm.stop()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  const run = async (program: string, args: string[], env: Record<string, string> = {}): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(program, args, { env: { ...process.env, ...env }, timeout: PATIENCE_MS }).catch(
      (error: { stderr?: string; message: string }) => {
        throw new Error(error.stderr ?? error.message)
      },
    )
  const credentials = (): Record<string, string> => ({
    AWS_ACCESS_KEY_ID: s3.identity.accessKey,
    AWS_SECRET_ACCESS_KEY: s3.identity.secretKey,
    AWS_DEFAULT_REGION: 'eu-north-1',
    AWS_ENDPOINT_URL: `http://${s3.host}`,
    AWS_EC2_METADATA_DISABLED: 'true',
  })
  const aws = async (...args: string[]): Promise<string> => (await run(clients.aws, args, credentials())).stdout

  it(
    'boto3',
    async () => {
      const { accessKey, secretKey } = s3.identity
      const { stderr } = await run(clients.python, [join(import.meta.dirname, 's3.py'), String(farm.port), accessKey, secretKey])
      expect(stderr).toMatch(/\nOK\s*$/)
      expect(farm.farm.errors).toEqual([])
    },
    PATIENCE_MS,
  )

  it(
    'the AWS CLI copies, moves and synchronizes',
    async () => {
      const [from, to] = [join(folder, 'from'), join(folder, 'to')]
      await mkdir(join(from, 'deep'), { recursive: true })
      const big = randomBytes(17 * MIB)
      await writeFile(join(from, 'big.bin'), big)
      await writeFile(join(from, 'deep', 'ä b.txt'), 'small')
      await aws('s3', 'mb', 's3://cli')
      await aws('s3', 'sync', from, 's3://cli/work')
      expect(await aws('s3', 'sync', from, 's3://cli/work')).toBe('')
      await aws('s3', 'sync', 's3://cli/work', to)
      expect((await readFile(join(to, 'big.bin'))).equals(big)).toBe(true)
      expect(await readFile(join(to, 'deep', 'ä b.txt'), 'utf8')).toBe('small')
      await aws('s3', 'mv', 's3://cli/work/big.bin', 's3://cli/moved.bin')
      await aws('s3', 'cp', 's3://cli/moved.bin', 's3://cli/copied.bin')
      expect(await aws('s3', 'ls', 's3://cli/', '--recursive')).toMatch(/copied\.bin[\s\S]*moved\.bin[\s\S]*work\/deep\/ä b\.txt/)
      const url = (await aws('s3', 'presign', 's3://cli/work/deep/ä b.txt')).trim()
      expect(await (await fetch(url)).text()).toBe('small')
      await aws('s3', 'rb', '--force', 's3://cli')
      expect(await aws('s3', 'ls')).not.toContain('cli')
    },
    PATIENCE_MS,
  )

  it(
    'pycolonies keeps files of a colony in it',
    async () => {
      const content = randomBytes(9 * MIB)
      const file = join(folder, 'scene.blend')
      await writeFile(file, content)
      const program = `
import sys
from pycolonies import Colonies
host, port, key, file = 'localhost', int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = Colonies(host, port, False)
client.upload_file('studio', key, filepath=file, label='scenes')
client.upload_data('studio', key, filename='note.txt', data=b'a note', label='scenes')
data = client.download_data('studio', key, label='/scenes', filename='note.txt')
print(data if isinstance(data, str) else data.decode())
client.download_file('studio', key, dst=sys.argv[4], label='/scenes', filename='scene.blend')
print(len(client.get_files('/scenes', 'studio', key)))
client.delete_file('studio', key, label='/scenes', filename='note.txt')
print(len(client.get_files('/scenes', 'studio', key)))
`
      const back = join(folder, 'back')
      await mkdir(back)
      const { stdout } = await run(clients.python, ['-c', program, String(farm.farm.manager.port), user.key, file, back], {
        AWS_S3_ENDPOINT: s3.host,
        AWS_S3_ACCESSKEY: s3.identity.accessKey,
        AWS_S3_SECRETKEY: s3.identity.secretKey,
        AWS_S3_REGION: '',
        AWS_S3_TLS: 'false',
        AWS_S3_SKIPVERIFY: 'true',
        AWS_S3_BUCKET: 'colony',
      })
      expect(stdout.trim().split('\n')).toEqual(['a note', '2', '1'])
      expect((await readFile(join(back, 'scene.blend'))).equals(content)).toBe(true)
      const [stored] = await user.ask('getfilemsg', { colonyname: 'studio', label: '/scenes', name: 'scene.blend', latest: true })
      expect(stored).toMatchObject({ size: content.length, checksum: createHash('sha256').update(content).digest('hex') })
    },
    PATIENCE_MS,
  )
})
