import { describe, expect, it } from 'vitest'
import { toneMap, probeLight, type Light, type Look } from '../../../src/renderer/features/frames/toneMap.ts'
import { remedyOf } from '../../../src/renderer/lib/remedies.ts'
import { toHalf } from '../../../src/shared/pictures/sceneLight.ts'

const plane = (...values: number[]) => Uint16Array.from(values, toHalf)
/** Two pixels: half a screen's grey, and a highlight four times as bright as white. */
const LIGHT: Light = {
  width: 2,
  height: 1,
  layers: [
    { name: '', channels: ['R', 'G', 'B', 'A'], planes: [plane(0.214, 4), plane(0.214, 4), plane(0.214, 0), plane(0.5, 1)] },
    { name: 'Depth', channels: ['Y'], planes: [plane(1, 0)] },
  ],
}
const look = (changes: Partial<Look>): Look => ({ layer: 0, channel: 'rgb', exposure: 0, ...changes })

describe('developing light', () => {
  it.each<[string, Partial<Look>, number[]]>([
    ['as it is: the sRGB curve, and white is the end', {}, [127, 127, 127, 255, 255, 255, 0, 255]],
    ['two stops darker: what was above white is white', { exposure: -2 }, [65, 65, 65, 255, 255, 255, 0, 255]],
    ['three stops darker: and then falls below it', { exposure: -3 }, [45, 45, 45, 255, 188, 188, 0, 255]],
    ['a channel alone', { channel: 'b' }, [127, 127, 127, 255, 0, 0, 0, 255]],
    ['luma, by the weights of linear light', { channel: 'luma', exposure: -3 }, [45, 45, 45, 255, 181, 181, 181, 255]],
    ['coverage, which exposure does not touch', { channel: 'a', exposure: 5 }, [128, 128, 128, 255, 255, 255, 255, 255]],
    ['a layer of one channel', { layer: 1 }, [255, 255, 255, 255, 0, 0, 0, 255]],
    ['a layer that is not there: the picture', { layer: 9 }, [127, 127, 127, 255, 255, 255, 0, 255]],
  ])('%s', (_, changes, pixels) => {
    const made = [...toneMap(LIGHT, look(changes))]
    expect(
      made.map((value, i) => Math.abs(value - (pixels[i] ?? 0)) <= 1),
      String(made),
    ).toEqual(pixels.map(() => true))
  })

  it('numbers that are none are black', () => {
    const broken: Light = {
      width: 1,
      height: 1,
      layers: [{ name: '', channels: ['R', 'G', 'B'], planes: [Uint16Array.of(0x7e00), plane(-1), plane(0)] }],
    }
    expect([...toneMap(broken, look({}))]).toEqual([0, 0, 0, 255])
  })

  it('tells the numbers of a pixel, and nothing outside of the picture', () => {
    expect(probeLight(LIGHT, 0, 1, 0)).toEqual([
      ['R', 4],
      ['G', 4],
      ['B', 0],
      ['A', 1],
    ])
    expect(probeLight(LIGHT, 0, 2, 0)).toEqual([])
    expect(probeLight(LIGHT, 0, 0, -1)).toEqual([])
  })
})

describe('what to do about a rule that keeps a task waiting', () => {
  it.each<[string, Parameters<typeof remedyOf>[1]['status'], object | undefined]>([
    ['tag', 'queued', { kind: 'change', changes: { tag: null } }],
    ['start-after', 'queued', { kind: 'change', changes: { startAfter: null } }],
    ['max-workers', 'active', { kind: 'change', changes: { maxWorkers: null } }],
    ['job-status', 'paused', { kind: 'resume' }],
    ['job-status', 'canceled', undefined],
    ['kept-off', 'active', { kind: 'requeue' }],
    ['not-awake', 'queued', { kind: 'go', to: '/workers' }],
    ['limit', 'queued', { kind: 'go', to: '/limits' }],
    ['blocked', 'queued', { kind: 'go', to: '/jobs/j/settings' }],
    ['no-free-slot', 'queued', undefined],
  ])('%s of a %s job', (rule, status, expected) => {
    const remedy = remedyOf(rule, { id: 'j', status })
    if (expected) expect(remedy).toMatchObject(expected)
    else expect(remedy).toBeUndefined()
  })
})
