/** Frames that no machine saw are written by a statement of their own: it must leave the same row as the general one. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { NewFrame } from '../../../src/main/engine/base/farmRecords.ts'
import * as rows from '../../../src/main/store/rows/index.ts'
import { TestFarm } from '../../support/testFarm.ts'

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open()
})
afterEach(() => test.close())

const unseen = (path: string, more: Partial<NewFrame> = {}): NewFrame => ({
  path,
  frame: 1,
  bytes: null,
  width: null,
  height: null,
  renderedMs: null,
  check: 'unchecked',
  checkReason: 'no machine sees it',
  ...more,
})
const seen: Partial<NewFrame> = {
  bytes: 9,
  width: 4,
  height: 2,
  renderedMs: 7,
  check: 'whole',
  checkReason: '',
  view: 'L',
  sha256: 'ab',
  modifiedAt: 3,
}
/** Facts of pixels, and a preview, as an earlier attempt left them. */
const earlier: Partial<NewFrame> = { ...seen, facts: { oneColour: true, allBlack: false } }

it.each([false, true])('as a new frame and in the place of an earlier one; kept: %s', async (kept) => {
  const job = await test.submit([{ kind: 'blender', commands: [] }])
  const { writer, read } = test.opened
  const results: unknown[] = []
  for (const [statement, row, folder] of [
    [rows.ADD_FRAMES, rows.newFrameRow, 'a'],
    [rows.ADD_UNSEEN_FRAMES, rows.unseenFrameRow, 'b'],
  ] as const) {
    const taskId = job.id
    writer.append(rows.ADD_FRAMES, rows.newFrameRow(job.id, taskId, 1, unseen(`/${folder}/old`, earlier), 10))
    await writer.durable()
    writer.statement(`update frames set preview = 'ready', light = 1 where path = ?`, [`/${folder}/old`])
    await writer.durable()
    for (const name of ['old', 'new']) writer.append(statement, row(job.id, taskId, 2, unseen(`/${folder}/${name}`, { kept }), 20))
    await writer.durable()
    const found = await read.all<Record<string, unknown>>(`select * from frames where path like ? order by path`, [`/${folder}/%`])
    results.push(found.map(({ id, path, ...rest }) => ({ ...rest, isStored: typeof id, name: String(path).slice(3) })))
  }
  expect(results[0]).toHaveLength(2)
  expect(results[1]).toEqual(results[0])
})

it('is chosen for frames of which nothing else is known, and for no others', () => {
  expect(rows.isUnseen(unseen('/a'))).toBe(true)
  expect(rows.isUnseen(unseen('/a', { kept: true }))).toBe(true)
  const others: Partial<NewFrame>[] = [
    ...Object.entries(seen)
      .filter(([name]) => name !== 'checkReason')
      .map(([name, value]) => ({ [name]: value })),
    { side: true },
    { sameAsBefore: false },
  ]
  for (const more of others) expect(rows.isUnseen(unseen('/a', more)), JSON.stringify(more)).toBe(false)
})
