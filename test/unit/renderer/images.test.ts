import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { frameRenderedAgain, ImageCache, thumbnailUrl } from '../../../src/renderer/features/frames/images.ts'
import { Lights } from '../../../src/renderer/features/frames/lights.ts'

/** Addresses that were asked for, in order. */
let asked: string[]
let managerIsThere: boolean

beforeEach(() => {
  asked = []
  managerIsThere = true
  vi.stubGlobal(
    'Image',
    class {
      set src(url: string) {
        asked.push(url)
      }
      async decode(): Promise<void> {
        if (!managerIsThere) throw new Error('no image')
      }
    },
  )
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url)
    return Response.json({}, { status: 404 })
  })
})
afterEach(() => vi.unstubAllGlobals())

describe('images of frames', () => {
  it('that failed are not asked for again until the manager is back', async () => {
    const cache = new ImageCache(10, () => {})
    managerIsThere = false
    cache.want(['a'])
    await vi.waitFor(() => expect(cache.isBroken('a')).toBe(true))
    cache.want(['a'])
    expect(asked).toEqual(['a'])

    managerIsThere = true
    cache.forgiveFailures()
    cache.want(['a'])
    await vi.waitFor(() => expect(cache.get('a')).toBeDefined())
    expect(asked).toEqual(['a', 'a'])
  })

  it('have another address once the frame was rendered again', () => {
    const before = thumbnailUrl(1)
    frameRenderedAgain(1)
    expect(thumbnailUrl(1)).not.toBe(before)
    expect(thumbnailUrl(2)).toBe('/api/v1/frames/2/thumbnail')
  })
})

describe('the light of a frame', () => {
  it('is fetched once, and again when the frame was rendered again', async () => {
    const lights = new Lights(() => {})
    lights.want([3])
    await vi.waitFor(() => expect(lights.get(3)).toBeNull())
    lights.want([3])
    expect(asked).toHaveLength(1)

    frameRenderedAgain(3)
    expect(lights.get(3)).toBeUndefined()
    lights.want([3])
    await vi.waitFor(() => expect(lights.get(3)).toBeNull())
    expect(asked).toHaveLength(2)
  })
})
