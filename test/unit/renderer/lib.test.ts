import { describe, expect, it } from 'vitest'
import { retryDelay } from '../../../src/renderer/api/live.ts'
import { dark, light, type Palette } from '../../../src/renderer/ui/design/tokens.ts'
import { toCsv } from '../../../src/renderer/features/statistics/csv.ts'
import { flipFrames, nextFrame, wantedAround, whyNoPicture } from '../../../src/renderer/features/frames/flipbook.ts'
import { bytes, clock, count, duration, percent, roughDuration } from '../../../src/renderer/lib/format.ts'
import { cellAfterKey, FrameModel, framesOfTaskName, layoutGrid } from '../../../src/renderer/features/frames/frames.ts'
import { fuzzyScore } from '../../../src/renderer/lib/fuzzy.ts'
import { layoutGraph } from '../../../src/renderer/features/job/graph/graphLayout.ts'
import { possibleActions } from '../../../src/renderer/features/jobs/jobActions.ts'
import { columnsThatFit } from '../../../src/renderer/features/jobs/jobColumns.ts'
import { keyName } from '../../../src/renderer/composables/keys.ts'
import { ERROR_PATTERN, severity } from '../../../src/renderer/features/logs/logSource.ts'
import { fileSetting, initialValues, nameOfFile, problemOf, settingsToSend } from '../../../src/renderer/features/submit/submitForm.ts'
import { timeTicks } from '../../../src/renderer/lib/timeAxis.ts'
import { dragSpan, scheduleOf, sleepsAt, spanOf } from '../../../src/renderer/features/workers/weekGrid.ts'
import { ALL_COLUMNS, readPrefs } from '../../../src/renderer/stores/prefs.ts'
import { messages as de } from '../../../src/renderer/locales/de/messages.ts'
import { messages as en } from '../../../src/renderer/locales/en/messages.ts'
import { localeFor } from '../../../src/renderer/locales/languages.ts'
import type { TaskCounts } from '../../../src/shared/schemas/jobs/job.ts'
import type { JobSetting, JobTypeInfo } from '../../../src/shared/schemas/jobs/jobType.ts'

describe('frames of task names', () => {
  it.each<[string, number[]]>([
    ['render-1-3', [1, 2, 3]],
    ['render-42', [42]],
    ['render-1,3,5-6', [1, 3, 5, 6]],
    ['trace-13-16', [13, 14, 15, 16]],
    ['render-1-9x4,20', [1, 5, 9, 20]],
    ['render-3-1', [3, 2, 1]],
    ['render--5', [-5]],
    ['render--3..-1', [-3, -2, -1]],
    ['render--2..1,5,-7', [-2, -1, 0, 1, 5, -7]],
    ['frames-1,3,5…', []],
    ['preview-video', []],
    ['render-4-2', [4, 3, 2]],
    ['', []],
  ])('%s', (name, frames) => expect(framesOfTaskName(name)).toEqual(frames))
})

describe('columns of the list of jobs', () => {
  it.each([
    [1400, ALL_COLUMNS],
    [978, ['state', 'name', 'progress', 'eta', 'priority', 'type', 'project']],
    [674, ['state', 'name', 'progress', 'priority']],
    [300, ['state', 'name', 'progress']],
  ])('that %d pixels have room for', (width, shown) => expect(columnsThatFit(ALL_COLUMNS, width)).toEqual(shown))
})

describe('keys in the frame grid', () => {
  const shape = { columns: 5, page: 15, size: 22 }
  it.each<[key: string, from: number, to: number]>([
    ['ArrowRight', -1, 0],
    ['ArrowDown', -1, 0],
    ['PageDown', -1, 0],
    ['End', -1, 21],
    ['ArrowRight', 0, 1],
    ['ArrowLeft', 0, 0],
    ['ArrowDown', 3, 8],
    ['ArrowUp', 3, 0],
    ['ArrowRight', 21, 21],
    ['PageDown', 4, 19],
    ['PageDown', 19, 21],
    ['Home', 17, 0],
    ['x', 3, -1],
  ])('%s from cell %d leads to %d', (key, from, to) => expect(cellAfterKey(key, from, shape)).toBe(to))
  it('lead nowhere without cells', () => expect(cellAfterKey('End', -1, { ...shape, size: 0 })).toBe(-1))
})

describe('the frame model', () => {
  const make = () =>
    new FrameModel({
      statuses: 'caqf',
      names: ['render-1-2', 'render-3-4', 'render-5', 'video'],
      frames: [
        [1, 1, 11],
        [1, 2, 12],
        [2, 3, 13],
      ],
      marks: [
        [1, 2, 'k'],
        [2, 4, 'u'],
      ],
    })
  it('has a cell for each frame, and one for a task without frames', () => {
    const model = make()
    expect(model.size).toBe(6)
    expect([...model.numbers.slice(0, 5)]).toEqual([1, 2, 3, 4, 5])
    expect(Array.from({ length: 6 }, (_, cell) => model.stateOf(cell))).toEqual(['done', 'done', 'done', 'running', 'queued', 'failed'])
    expect(model.labelOf(5)).toBe('video')
  })
  it('takes events of tasks and frames into single cells', () => {
    const model = make()
    expect(model.setFrame(2, 4, 14)).toBe(3)
    expect(model.stateOf(3)).toBe('done')
    model.setTask(3, 'a')
    expect(model.stateOf(4)).toBe('running')
    model.setTask(1, 'q')
    expect(model.stateOf(0)).toBe('queued')
  })
  it('marks frames that were kept or could not be checked, until they are written anew', () => {
    const model = make()
    expect(Array.from({ length: 6 }, (_, cell) => model.markOf(cell))).toEqual([
      undefined,
      'kept',
      undefined,
      'unchecked',
      undefined,
      undefined,
    ])
    model.setMark(1, 2, undefined)
    model.setMark(9, 2, 'kept')
    expect(model.markOf(1)).toBeUndefined()
  })
  it('ignores what is not in the job', () => {
    const model = make()
    model.setTask(99, 'c')
    model.setTask(1, '?')
    expect(model.setFrame(99, 1, 1)).toBe(-1)
    expect(model.setFrame(1, 77, 1)).toBe(-1)
    expect(model.stateOf(0)).toBe('done')
  })
  it('holds 100,000 frames', () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `render-${i + 1}`)
    const model = new FrameModel({ statuses: 'q'.repeat(100_000), names, frames: [], marks: [] })
    expect(model.size).toBe(100_000)
    expect(model.numbers[99_999]).toBe(100_000)
  })
})

describe('the grid layout', () => {
  it('shows thumbnails as large as fit', () => {
    const layout = layoutGrid(48, 380, 600)
    expect(layout.thumbnails).toBe(true)
    expect(layout.columns * layout.rows).toBeGreaterThanOrEqual(48)
    expect(layout.rows * (layout.cellHeight + layout.gap) - layout.gap).toBeLessThanOrEqual(600)
  })
  it('fills the width with whole rows of thumbnails, and lets a few be no larger than they are', () => {
    const { columns, cellWidth, gap } = layoutGrid(120, 920, 640)
    expect(920 - (columns * (cellWidth + gap) - gap)).toBeLessThan(columns)
    expect(layoutGrid(2, 920, 640).cellWidth).toBe(240)
  })
  it('falls to the smallest squares for a huge job, and scrolls', () => {
    const layout = layoutGrid(100_000, 380, 600)
    expect(layout).toMatchObject({ thumbnails: false, cellWidth: 5 })
  })
  it('zooms by steps', () => expect(layoutGrid(48, 380, 600, 16 / 9, 2).cellWidth).toBeGreaterThan(layoutGrid(48, 380, 600).cellWidth))
})

describe('the flipbook', () => {
  it('plays by frame number', () => {
    const model = new FrameModel({
      statuses: 'cc',
      names: ['render-10', 'render-2'],
      frames: [
        [1, 10, 1],
        [2, 2, 2],
      ],
      marks: [[2, 2, 'k']],
    })
    expect(flipFrames(model).map((frame) => frame.number)).toEqual([2, 10])
    expect(flipFrames(model).map((frame) => frame.mark)).toEqual(['kept', undefined])
  })
  it.each([
    [0, 3, true, 1],
    [2, 3, true, 0],
    [2, 3, false, -1],
    [0, 0, true, -1],
  ])('after %d of %d (loop %s) comes %d', (at, n, loop, next) => expect(nextFrame(at, n, loop)).toBe(next))
  it('fetches ahead, round the end, and a little behind', () => {
    expect(wantedAround([0, 1, 2, 3, 4, 5], 4, 2)).toEqual([4, 5, 0, 3, 2])
    expect(wantedAround([7], 0, 20)).toEqual([7])
  })
})

describe('a player without pictures', () => {
  it.each([
    [undefined, 'waiting'],
    [{ status: 'active', frameCount: 0 }, 'waiting'],
    [{ status: 'active', frameCount: 3 }, 'waiting'],
    [{ status: 'completed', frameCount: 3 }, 'no-previews'],
    [{ status: 'completed', frameCount: 0 }, 'no-images'],
    [{ status: 'failed', frameCount: 0 }, 'no-images'],
  ] as const)('%j: %s', (job, why) => expect(whyNoPicture(job)).toBe(why))
})

describe('numbers and times', () => {
  it.each([
    [0, '0.0 s'],
    [9.94, '9.9 s'],
    [59, '59 s'],
    [61, '1:01'],
    [3661, '1:01:01'],
    [3 * 86_400, '3 d 0 h'],
    [null, '–'],
    [-1, '–'],
  ])('duration %s', (s, text) => expect(duration(s)).toBe(text))
  it.each([
    [0.2, '1 s'],
    [90, '2 min'],
    [7500, '2 h 5 min'],
    [300_000, '3 d'],
    [null, '–'],
  ])('rough duration %s', (s, text) => expect(roughDuration(s)).toBe(text))
  it.each([
    [0, '0 B'],
    [1500, '1.5 kB'],
    [812e9, '812 GB'],
    [null, '–'],
  ])('bytes %s', (n, text) => expect(bytes(n)).toBe(text))
  it.each([
    [0, 9, 0],
    [1, 1000, 1],
    [999, 1000, 99],
    [5, 5, 100],
    [1, 0, 0],
  ])('%d of %d is %d %%', (a, b, p) => expect(percent(a, b)).toBe(p))
  it('groups thousands', () => expect(count(1234567)).toBe('1\u2009234\u2009567'))
  it('names the day when it is another one', () => {
    const now = new Date(2026, 4, 6, 12).getTime()
    expect(clock(new Date(2026, 4, 6, 9, 5).getTime(), now, 'en-GB')).toBe('09:05')
    expect(clock(new Date(2026, 4, 4, 9, 5).getTime(), now, 'en-GB')).toContain('Mon')
    expect(clock(new Date(2026, 2, 4, 9, 5).getTime(), now, 'en-GB')).toContain('Mar')
    expect(clock(null, now)).toBe('–')
  })
})

describe('what can be done to a job', () => {
  const counts: TaskCounts = { total: 2, queued: 2, active: 0, completed: 0, failed: 0, canceled: 0, softFailed: 0, paused: 0 }
  it.each([
    ['active', counts, ['cancel', 'delete', 'pause', 'requeue']],
    ['paused', counts, ['cancel', 'delete', 'requeue', 'resume']],
    ['failed', { ...counts, failed: 1 }, ['delete', 'requeue', 'requeue-failed']],
    ['completed', counts, ['delete', 'requeue']],
  ] as const)('%s', (status, c, actions) =>
    expect([...possibleActions({ status, counts: c, deletedAt: null })].sort()).toEqual([...actions]),
  )
  it('a deleted one can only come back', () =>
    expect([...possibleActions({ status: 'completed', counts, deletedAt: 'x' })]).toEqual(['undelete']))
})

describe('the submit form', () => {
  const setting = (changes: Partial<JobSetting>): JobSetting => ({ key: 'k', type: 'string', ...changes })
  const type: JobTypeInfo = {
    name: 't',
    label: 'T',
    etag: 'e',
    settings: [
      setting({ key: 'frames', required: true }),
      setting({ key: 'chunk', type: 'int32', default: 4 }),
      setting({ key: 'secret', visible: 'hidden', default: 'x' }),
      setting({ key: 'blendfile', subtype: 'file_path', required: true, visible: 'web' }),
      setting({ key: 'flag', type: 'bool' }),
    ],
  }
  it('starts with defaults and takes over what a clone had', () => {
    expect(initialValues(type)).toEqual({ chunk: 4, flag: false })
    expect(initialValues(type, { frames: '1-3', secret: 'y' })).toEqual({ frames: '1-3', chunk: 4, flag: false })
  })
  it('does not take over what is made anew for each job: a clone would write over the files of the first one', () => {
    const made = setting({ key: 'path', editable: false, eval: 'where' })
    expect(initialValues({ ...type, settings: [made] }, { path: '/renders/first/####' })).toEqual({})
  })
  it.each<[Partial<JobSetting>, unknown, string | undefined]>([
    [{ required: true }, '', 'required'],
    [{ eval: 'bpy.x' }, undefined, undefined],
    [{}, undefined, undefined],
    [{ type: 'int32' }, 1.5, 'whole'],
    [{ type: 'float' }, 'x', 'number'],
    [{ key: 'frames' }, '1-10, 20', undefined],
    [{ key: 'frames' }, '10-', 'framesWrong'],
  ])('%j with %j', (changes, value, problem) => expect(problemOf(setting(changes), value)?.key).toBe(problem))
  it('sends what was filled in', () =>
    expect(settingsToSend(type, { frames: '1', chunk: 2, flag: false, k: 'no', secret: 'no' })).toEqual({
      frames: '1',
      chunk: 2,
      flag: false,
    }))
  it('puts a dropped file where it belongs', () => {
    expect(fileSetting(type)?.key).toBe('blendfile')
    expect(nameOfFile('C:\\work\\shot_010.blend')).toBe('shot_010')
  })
})

describe('the sleep schedule as a week', () => {
  const schedule = { isActive: true, daysOfWeek: 'mo tu', startTime: '22:00', endTime: '06:00' }
  it('runs over midnight into the next day', () => {
    const span = spanOf(schedule)
    expect([
      sleepsAt(span, 0, 21),
      sleepsAt(span, 0, 22),
      sleepsAt(span, 1, 5),
      sleepsAt(span, 2, 5),
      sleepsAt(span, 2, 22),
      sleepsAt(span, 0, 5),
    ]).toEqual([false, true, true, true, false, false])
  })
  it('goes to the manager and back', () => {
    expect(scheduleOf(spanOf(schedule), true)).toEqual(schedule)
    expect(scheduleOf({ days: new Set([0, 1, 2, 3, 4, 5, 6]), from: 0, to: 24 }, false)).toEqual({
      isActive: false,
      daysOfWeek: '',
      startTime: '',
      endTime: '',
    })
  })
  it('is drawn by dragging', () =>
    expect(dragSpan({ day: 4, hour: 8 }, { day: 0, hour: 17 })).toEqual({ days: new Set([0, 1, 2, 3, 4]), from: 8, to: 18 }))
})

describe('small things', () => {
  it('waits longer and longer for the manager, never too long', () => {
    expect([0, 1, 4, 30].map((attempt) => retryDelay(attempt, 0.5))).toEqual([500, 1000, 8000, 15_000])
    expect(retryDelay(0, 0)).toBeLessThan(retryDelay(0, 1))
  })
  it('finds commands by their letters', () => {
    expect(fuzzyScore('wrk', 'Workers')).toBeGreaterThan(0)
    expect(fuzzyScore('work', 'Workers')).toBeGreaterThan(fuzzyScore('work', 'Network'))
    expect(fuzzyScore('xyz', 'Workers')).toBe(-1)
  })
  it('writes CSV that a spreadsheet does not run', () => {
    expect(
      toCsv(
        ['a', 'b'],
        [
          ['x,"y"', 1],
          ['=cmd()', null],
        ],
      ),
    ).toBe('a,b\r\n"x,""y""",1\r\n\'=cmd(),\r\n')
  })
  it('names keys', () => {
    const event = { key: 'k', ctrlKey: false, metaKey: true, shiftKey: false, altKey: false }
    expect(keyName(event)).toBe('Ctrl+k')
    expect(keyName({ ...event, metaKey: false, key: 'ArrowDown', shiftKey: true })).toBe('Shift+ArrowDown')
    expect(keyName({ ...event, metaKey: false, key: '?', shiftKey: true })).toBe('?')
  })
  it('places what waits to the right of what it waits for', () => {
    const picture = layoutGraph(
      [
        { id: 'c', label: 'c' },
        { id: 'a', label: 'a' },
        { id: 'b', label: 'b' },
      ],
      [
        { from: 'a', to: 'b' },
        { from: 'b', to: 'c' },
        { from: 'a', to: 'gone' },
      ],
    )
    const x = (id: string) => picture.nodes.find((placed) => placed.node.id === id)?.x ?? -1
    expect(x('a')).toBeLessThan(x('b'))
    expect(x('b')).toBeLessThan(x('c'))
    expect(picture.edges).toHaveLength(2)
  })
  it('marks round moments on a time axis', () => expect(timeTicks(30_000, 200_000, 4, 0)).toEqual([60_000, 120_000, 180_000]))
  it.each([
    ['Error: no GPU', 'error'],
    ['ValueError: no such node', 'error'],
    ["ls: cannot access '/x': No such file or directory", 'error'],
    ['fatal: cannot open', 'error'],
    ['frame 12 failed', 'error'],
    ['found 3 errors', 'error'],
    ['0 errors', 'plain'],
    ['no exceptions', 'plain'],
    ['saved terror_1.png', 'plain'],
    ['2026-05-04T10:00:00.000Z task changed status soft-failed -> active', 'plain'],
    ['2026-05-04T10:00:00.000Z task changed status active -> failed', 'plain'],
    ['Warning: x', 'warning'],
    ['Saved: f.png', 'plain'],
  ])('%s is %s', (line, word) => {
    expect(severity(line)).toBe(word)
    // What is coloured as an error is what "next error" goes to.
    expect(new RegExp(ERROR_PATTERN, 'iu').test(line)).toBe(word === 'error')
  })
  it('keeps what is right in stored preferences, and drops the rest', () => {
    expect(readPrefs('{"theme":"light","listWidth":"wide","x":1}')).toMatchObject({ theme: 'light', listWidth: 416 })
    expect(readPrefs('nonsense').theme).toBe('system')
  })
})

describe('contrast of text', () => {
  const channel = (value: number) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
  const luminance = (hex: string) => {
    const [r, g, b] = [1, 3, 5].map((at) => channel(Number.parseInt(hex.slice(at, at + 2), 16) / 255))
    return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0)
  }
  const contrast = (a: string, b: string) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p)
    return ((x ?? 0) + 0.05) / ((y ?? 0) + 0.05)
  }
  it.each<[string, Palette]>([
    ['dark', dark],
    ['light', light],
  ])('%s: every ink on every ground has 4.5 : 1', (_name, palette) => {
    const inks = {
      ink: palette.ink,
      inkSoft: palette.inkSoft,
      inkFaint: palette.inkFaint,
      accent: palette.accent,
      ...Object.fromEntries(Object.entries(palette.states).map(([key, colour]) => [key, colour.ink])),
    }
    const [r, g, b, a] = (palette.accentWash.match(/[\d.]+/g) ?? []).map(Number)
    const washed =
      '#' +
      [r, g, b]
        .map((value, i) =>
          Math.round((value ?? 0) * (a ?? 0) + Number.parseInt(palette.panel.slice(1 + 2 * i, 3 + 2 * i), 16) * (1 - (a ?? 0)))
            .toString(16)
            .padStart(2, '0'),
        )
        .join('')
    for (const ground of [palette.panel, palette.raised, palette.ground, palette.hover, washed]) {
      for (const [name, ink] of Object.entries(inks))
        expect(contrast(ink, ground), `${name} ${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5)
    }
    expect(contrast(palette.accentInk, palette.accent)).toBeGreaterThanOrEqual(4.5)
  })
})

describe('languages', () => {
  const flat = (value: object, path = ''): Map<string, string> =>
    new Map(
      Object.entries(value).flatMap(([key, part]) =>
        typeof part === 'string' ? [[`${path}${key}`, part] as const] : [...flat(part as object, `${path}${key}.`)],
      ),
    )
  it.each([
    [['de-CH', 'en'], 'de'],
    [['fr', 'DE'], 'de'],
    [['fr'], 'en'],
    [['constructor'], 'en'],
    [[], 'en'],
  ] as const)('of a person who prefers %j: %s', (preferred, expected) => {
    expect(localeFor(preferred)).toBe(expected)
  })

  it('have the same places to fill in', () => {
    const english = flat(en)
    for (const [key, text] of flat(de)) {
      const holes = (message: string) => [...new Set(message.match(/\{\w+\}/g))].sort()
      expect(holes(text), key).toEqual(holes(english.get(key) ?? ''))
    }
  })
})
