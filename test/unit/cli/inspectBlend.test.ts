import { describe, expect, it } from 'vitest'
import { CliError, EXIT } from '../../../src/main/cli/errors.ts'
import { withBlendFacts, type Inspector } from '../../../src/main/cli/client/inspectBlend.ts'
import type { JobTypeInfo } from '../../../src/shared/schemas/jobs/jobType.ts'

const type: JobTypeInfo = {
  name: 'render',
  label: 'Render',
  etag: 'x',
  settings: [
    { key: 'blendfile', type: 'string', required: true },
    { key: 'output', type: 'string', required: true },
    { key: 'frames', type: 'string', required: true, eval: 'a' },
    { key: 'format', type: 'string', required: true, eval: 'b' },
    { key: 'fps', type: 'float', eval: 'c' },
    { key: 'path', type: 'string', eval: "settings.output + '######'" },
  ],
}
const files = { blendfile: '/shot.blend', output: '/out' }

function setUp(answer: { values?: Record<string, unknown>; failed?: Record<string, string> } | CliError) {
  const asked: string[] = []
  let said = ''
  const inspector: Inspector = {
    inspect: (name, blendfile) => {
      asked.push(`${name} ${blendfile}`)
      if (answer instanceof Error) return Promise.reject(answer)
      const facts = { blenderVersion: '4', savedWith: '4', scene: 'Scene', scenes: [], missing: [], values: {}, failed: {} }
      return Promise.resolve({ worker: { id: 'w', name: 'anna' }, ...facts, ...answer })
    },
  }
  const terminal = {
    out: () => {},
    outRaw: () => {},
    err: (text: string) => void (said += text),
    outIsTty: false,
    errIsTty: false,
    columns: 80,
    colour: false,
  }
  const complete = (given: Record<string, unknown>) => withBlendFacts(inspector, type, given, terminal)
  return { asked, complete, said: () => said }
}
const found = { values: { frames: '1-9', format: 'PNG', fps: 25 } }
const noBlender = new CliError(EXIT.conflict, 'no worker with Blender is online', 'no-blender')

describe('settings that a blend file tells', () => {
  it('are completed with what a worker found; what the person gave wins', async () => {
    const { complete, asked, said } = setUp(found)
    expect(await complete({ ...files, format: 'JPEG' })).toEqual({ ...files, frames: '1-9', format: 'JPEG', fps: 25 })
    expect(asked).toEqual(['render /shot.blend'])
    expect(said()).toBe('')
  })

  it('are not asked for where all are given, or where there is no file', async () => {
    const { complete, asked } = setUp(found)
    const all = { ...files, frames: '1', format: 'PNG', fps: 24 }
    expect(await complete(all)).toEqual(all)
    expect(await complete({ output: '/out' })).toEqual({ output: '/out' })
    expect(asked).toEqual([])
  })

  it('are not asked for while something else is missing or wrong', async () => {
    const { complete, asked } = setUp(found)
    await expect(complete({ blendfile: '/shot.blend' })).rejects.toMatchObject({ exitCode: 7, field: 'output' })
    await expect(complete({ ...files, output: 3 })).rejects.toThrow('settings.output must be a text, not 3')
    expect(asked).toEqual([])
  })

  it('are named, with what to type, when no worker can look and they are required', async () => {
    const { complete } = setUp(noBlender)
    await expect(complete(files)).rejects.toMatchObject({ exitCode: 7, field: 'frames' })
    await expect(complete(files)).rejects.toThrow(
      'frames, format could not be read from the blend file: no worker with Blender is online. Add: --set frames=1-250 --set format=PNG',
    )
  })

  it('may be left out when they are not required, and that is reported', async () => {
    const { complete, said } = setUp(noBlender)
    const given = { ...files, frames: '1', format: 'PNG' }
    expect(await complete(given)).toEqual(given)
    expect(said()).toBe('Left out: fps (no worker with Blender is online)\n')
  })

  it('say which expression the file had no answer to', async () => {
    const { complete } = setUp({ values: { frames: '1-9', fps: 25 }, failed: { format: 'no such property' } })
    await expect(complete(files)).rejects.toThrow('format: no such property (on worker "anna")')
  })

  it('do not hide that the manager is gone', async () => {
    const { complete } = setUp(new CliError(EXIT.unreachable, 'no manager answers', 'unreachable'))
    await expect(complete(files)).rejects.toMatchObject({ exitCode: 3 })
  })
})
