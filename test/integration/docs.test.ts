/** The example commands of README.md and docs/*.md, run as they stand there: a page's blocks one after another in one shell. docs/api.md: api/docs.test.ts. */
import { spawn } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { docPages, examplesOf, scriptOf, unmarkedCommands } from '../support/docExamples.ts'
import { JQ } from '../support/jq.ts'
import { makeBlend } from '../support/makeBlend.ts'
import { requirePart } from '../support/parts.ts'
import { ensureBuilt, Program, PROGRAM } from '../support/program.ts'

const blender = requirePart('blender')
const curl = requirePart('curl')
const LONG = 300_000
const pages = (await docPages()).filter((page) => page !== 'docs/api.md')
const toRun = await Promise.all(
  pages.map(async (page) => ({ page, blocks: (await examplesOf(page)).filter(({ notRun }) => notRun === undefined) })),
)

describe('commands in the docs', () => {
  it('are marked as such, so that they are run here or say why not', async () => {
    const unmarked = await Promise.all((await docPages()).map(unmarkedCommands))
    expect(unmarked.flat()).toEqual([])
    const reasons = (await Promise.all(pages.map(examplesOf)))
      .flat()
      .flatMap(({ place, notRun }) => (notRun === undefined ? [] : [{ place, notRun }]))
    expect(reasons.filter(({ notRun }) => notRun.length < 15)).toEqual([])
    expect(toRun.flatMap(({ blocks }) => blocks).length).toBeGreaterThan(7)
  })
})

describe.skipIf(blender.missing || curl.missing)('commands in the docs run as written', () => {
  let folder = ''
  let farm: Program
  let url = ''

  beforeAll(async () => {
    ensureBuilt()
    folder = await mkdtemp(join(tmpdir(), 'framehouse-docs-'))
    await mkdir(join(folder, 'renders'))
    await mkdir(join(folder, 'home'))
    await writeFile(join(folder, 'jq.cjs'), JQ)
    const scene = await makeBlend(blender.path, { engine: 'WORKBENCH', width: '64', height: '48', frames: '24' })
    await copyFile(scene, join(folder, 'shot.blend'))
    await copyFile(scene, join(folder, 'renders', 'shot.blend'))
    farm = Program.start(['both', '--data', join(folder, 'both'), '--listen', '127.0.0.1:0', '--slots', '2', '--json'], {
      env: { HOME: join(folder, 'home') },
    })
    ;[, url = ''] = await farm.prints(/"url":"([^"]+)"/)
    await farm.prints(/worker awake|signed on/, 'err')
  }, LONG)
  afterAll(async () => {
    await farm?.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  it.each(toRun.filter(({ blocks }) => blocks.length > 0).map(({ page, blocks }) => [page, blocks] as const))(
    '%s',
    async (_, blocks) => {
      const script = scriptOf(blocks, {
        replaced: {
          'http://localhost:8080': url,
          'http://farm:8080': url,
          '0.0.0.0:8080': '127.0.0.1:0',
          '0.0.0.0:8443': '127.0.0.1:0',
          '/srv/framehouse': join(folder, 'srv'),
          '/var/lib/framehouse': join(folder, 'var'),
          '/renders': join(folder, 'renders'),
          '/assets': join(folder, 'renders'),
        },
        node: process.execPath,
        program: PROGRAM,
        jq: `"${process.execPath}" "${join(folder, 'jq.cjs')}"`,
      })
      const { code, output } = await bash(script)
      expect(code, output.slice(-4_000)).toBe(0)
      expect(output).toContain('@@ all done')
    },
    LONG,
  )

  function bash(script: string): Promise<{ code: number | null; output: string }> {
    const env = {
      PATH: process.env['PATH'],
      HOME: join(folder, 'home'),
      FRAMEHOUSE_MANAGER: url,
      NODE: process.execPath,
      PROGRAM,
      FOLDER: folder,
    }
    return new Promise((resolve, reject) => {
      const shell = spawn('bash', ['-c', script], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
      let output = ''
      const hear = (chunk: Buffer) => (output += chunk.toString())
      shell.stdout.on('data', hear)
      shell.stderr.on('data', hear)
      shell.once('error', reject)
      shell.once('close', (code) => resolve({ code, output }))
    })
  }
})
