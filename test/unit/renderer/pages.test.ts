import { expect, it } from 'vitest'
import { usePages } from '../../../src/renderer/composables/pages.ts'

/** A list of so many rows, served in pages; the cursor is the id of the last row. */
function served(count: number) {
  let rows = Array.from({ length: count }, (_, i) => ({ id: String(i) }))
  const fetch = async (limit: number, cursor: string | null) => {
    const from = cursor === null ? 0 : rows.findIndex(({ id }) => id === cursor) + 1
    const items = rows.slice(from, from + limit)
    return { items, next: from + limit < rows.length ? (items.at(-1)?.id ?? null) : null }
  }
  return { fetch, put: (id: string) => (rows = [{ id }, ...rows]), drop: (id: string) => (rows = rows.filter((row) => row.id !== id)) }
}

it('grows to its end, each row once', async () => {
  const list = usePages(served(250).fetch)
  await list.refresh()
  expect(list.items.value).toHaveLength(100)
  for (let i = 0; i < 5; i++) await list.more()
  expect(list.items.value.map(({ id }) => id)).toEqual(Array.from({ length: 250 }, (_, i) => String(i)))
})

it('a refresh takes in what is new and what is gone, and keeps what was scrolled to', async () => {
  const source = served(250)
  const list = usePages(source.fetch)
  await list.refresh()
  await list.more()
  source.put('new')
  source.drop('5')
  await list.refresh()
  expect(list.items.value).toHaveLength(200)
  expect(list.items.value[0]?.id).toBe('new')
  expect(list.items.value.some(({ id }) => id === '5')).toBe(false)
})

it('a page that a refresh overtakes is asked for again', async () => {
  let release = (): void => {}
  let held = 0
  const source = served(250)
  const list = usePages(async (limit, cursor) => {
    const page = await source.fetch(limit, cursor)
    if (cursor !== null && held++ === 0) await new Promise<void>((resolve) => (release = resolve))
    return page
  })
  await list.refresh()
  const late = list.more()
  await list.refresh()
  release()
  await late
  expect(list.items.value.map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, i) => String(i)))
})

it('a page of another list that comes late is dropped', async () => {
  let release = (): void => {}
  const source = served(250)
  const list = usePages(async (limit, cursor) => {
    if (cursor !== null) await new Promise<void>((resolve) => (release = resolve))
    return source.fetch(limit, cursor)
  })
  await list.refresh()
  const late = list.more()
  list.clear()
  release()
  await late
  expect(list.items.value).toEqual([])
})
