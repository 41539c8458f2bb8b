import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { copyText } from '../../../src/renderer/composables/clipboard.ts'

let copied: string
let allowed: boolean
/** What is in the page, besides what was there before. */
let fields: { value: string }[]

beforeEach(() => {
  copied = ''
  allowed = true
  fields = []
  let selected: { value: string } | undefined
  vi.stubGlobal('HTMLElement', class {})
  vi.stubGlobal('document', {
    activeElement: null,
    body: { append: (field: { value: string }) => fields.push(field) },
    createElement() {
      const field = { value: '', style: {}, select: () => (selected = field), remove: () => void fields.splice(fields.indexOf(field), 1) }
      return field
    },
    execCommand(command: string) {
      if (allowed && command === 'copy') copied = selected?.value ?? ''
      return allowed
    },
  })
})
afterEach(() => vi.unstubAllGlobals())

describe('copying', () => {
  it('takes the clipboard where the page has one', async () => {
    const clipboard = { writeText: vi.fn(async () => {}) }
    vi.stubGlobal('navigator', { clipboard })
    await copyText('a path')
    expect(clipboard.writeText).toHaveBeenCalledWith('a path')
  })

  it('works over plain http too, where it has none, and leaves nothing in the page', async () => {
    vi.stubGlobal('navigator', {})
    await copyText('a path')
    expect([copied, fields]).toEqual(['a path', []])
  })

  it('fails when the browser refuses', async () => {
    vi.stubGlobal('navigator', {})
    allowed = false
    await expect(copyText('a path')).rejects.toThrow('refuses')
    expect(fields).toEqual([])
  })
})
