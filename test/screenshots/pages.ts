/**
 * Which pages have a picture, what is done on them before it is taken, and what must be seen on it. By selectors, not words:
 * the pictures can be taken in any language.
 */
import type { Page } from 'playwright'
import type { ShowJobs } from '../support/showFarm.ts'

export interface PictureOf<From> {
  /** Of the file, without theme and ending. */
  name: string
  /** Below /app. */
  path(from: From): string
  /** Selectors of what the page is there for: the picture waits for each of them. */
  shows: readonly string[]
  prepare?(page: Page): Promise<void>
}

const IMAGE = 'canvas.image:not([data-frame="0"])'
const GRID = 'canvas[data-waiting="0"]'
const LOG = '[role=log] .line .text:not(.faint)'

/** Of a farm on a busy day: those of the running job first, as it ends. */
export const BUSY: readonly PictureOf<ShowJobs>[] = [
  { name: 'job', path: (jobs) => `/jobs/${jobs.running}`, shows: [IMAGE, GRID, `${LOG} >> nth=1`, '.who li'] },
  { name: 'frames', path: (jobs) => `/jobs/${jobs.running}/frames`, shows: [GRID] },
  {
    name: 'frames-table',
    path: (jobs) => `/jobs/${jobs.failed}/frames`,
    shows: ['.table [role=cell]'],
    prepare: (page) => page.locator('.frames .panel-head .push button').last().click(),
  },
  { name: 'log', path: (jobs) => `/jobs/${jobs.exr || jobs.running}/log`, shows: [LOG] },
  { name: 'timeline', path: (jobs) => `/jobs/${jobs.running}/timeline`, shows: ['canvas[role=img]'] },
  { name: 'dashboard', path: () => '/', shows: ['.running .job', '.tile img', '.mate .now', '.note'] },
  { name: 'jobs', path: () => '/jobs', shows: ['[role=row] img', '[role=row] .progress'] },
  { name: 'jobs-grouped', path: () => '/jobs?group=project&status=active,queued,failed', shows: ['.row.group'] },
  {
    name: 'menu',
    path: (jobs) => `/jobs/${jobs.running}`,
    shows: [IMAGE, GRID, '[role=menu]'],
    prepare: (page) => page.locator('.row.chosen').click({ button: 'right', position: { x: 180, y: 30 } }),
  },
  {
    name: 'palette',
    path: () => '/jobs',
    shows: ['[role=row] img', '[role=option]'],
    async prepare(page) {
      await page.locator('[role=row] img').first().waitFor()
      await page.keyboard.press('Control+k')
      await page.locator('.palette input').waitFor()
      await page.keyboard.type('sq05')
    },
  },
  {
    name: 'keys',
    path: () => '/jobs',
    shows: ['[role=row] img', '[role=dialog] dt'],
    async prepare(page) {
      await page.locator('[role=row] img').first().waitFor()
      await page.keyboard.press('?')
    },
  },
  { name: 'workers', path: () => '/workers', shows: ['tbody tr .run'] },
  { name: 'worker', path: (jobs) => `/workers/${jobs.worker}`, shows: ['tbody tr .run', '.week', 'svg'] },
  { name: 'limits', path: () => '/limits', shows: ['.held li'] },
  {
    name: 'confirm',
    path: (jobs) => `/jobs/${jobs.running}`,
    shows: [IMAGE, GRID, '[role=dialog] button, [role=alertdialog] button'],
    async prepare(page) {
      await page.locator(IMAGE).waitFor()
      await page.locator('.row.chosen').click({ button: 'right', position: { x: 180, y: 30 } })
      await page.locator('[role=menu] .n-dropdown-option').nth(4).click()
    },
  },
  {
    name: 'preview',
    path: (jobs) => `/jobs/${jobs.exr || jobs.other}/preview`,
    shows: [IMAGE],
    async prepare(page) {
      await page.locator(IMAGE).waitFor()
      await page.locator('.scrub ~ button').nth(4).click()
      for (let stop = 0; stop < 2; stop++) await page.locator('.look button').nth(-3).click()
      await page.mouse.move(1000, 460)
    },
  },
  { name: 'compare', path: (jobs) => `/jobs/${jobs.other}/preview?compare=${jobs.done}`, shows: [IMAGE] },
  { name: 'graph', path: (jobs) => `/jobs/${jobs.video || jobs.done}/graph`, shows: ['.node'] },
  { name: 'job-failed', path: (jobs) => `/jobs/${jobs.failed}`, shows: [LOG, '.nothing'] },
  { name: 'job-settings', path: (jobs) => `/jobs/${jobs.done}/settings`, shows: ['dd'] },
  { name: 'activity', path: (jobs) => `/jobs/${jobs.failed}/activity`, shows: ['tbody tr'] },
  { name: 'why', path: (jobs) => `/jobs/${jobs.waiting}/why`, shows: ['.why li'] },
  { name: 'statistics', path: () => '/statistics', shows: ['.stats tbody tr'] },
  { name: 'schedules', path: () => '/schedules', shows: ['tbody tr'] },
  {
    name: 'schedule',
    path: () => '/schedules',
    shows: ['[role=dialog] input'],
    prepare: (page) => page.locator('.tools').first().locator('button').nth(2).click(),
  },
  { name: 'submit', path: () => '/submit/demo-render', shows: ['.tasks li'] },
  { name: 'submit-blender', path: () => '/submit/simple-blender-render', shows: ['.blend', '.missing li'] },
  { name: 'submit-container', path: () => '/submit/container', shows: ['.fields .field'] },
  { name: 'submit-start', path: () => '/submit', shows: ['.type', '.empty'] },
  { name: 'settings-appearance', path: () => '/settings/appearance', shows: ['.body .label'] },
  { name: 'settings-general', path: () => '/settings/general', shows: ['.body input'] },
  { name: 'settings', path: () => '/settings/paths', shows: ['.reach .cell.good'] },
  { name: 'settings-policy', path: () => '/settings/policy', shows: ['.body input'] },
  { name: 'settings-security', path: () => '/settings/security', shows: ['.tokens tbody tr, .tokens > .faint'] },
  { name: 'settings-people', path: () => '/settings/people', shows: ['.users tbody tr'] },
  {
    name: 'settings-job-types',
    path: () => '/settings/job-types',
    shows: ['.form .tasks li', '.source .fill'],
    prepare: (page) => page.locator('.entry', { hasText: 'demo-render' }).click(),
  },
  { name: 'settings-notifications', path: () => '/settings/notifications', shows: ['.body h2', '.body input'] },
  { name: 'settings-backup', path: () => '/settings/backup', shows: ['.backups tbody tr'] },
  { name: 'settings-audit', path: () => '/settings/audit', shows: ['.body tbody tr'] },
  { name: 'settings-about', path: () => '/settings/about', shows: ['.body a'] },
  { name: 'not-found', path: () => '/no-such-page', shows: ['.empty a'] },
]

/** Of a farm that does not know who looks. */
export const LOCKED: readonly PictureOf<null>[] = [{ name: 'locked', path: () => '/', shows: ['main input'] }]

/** Of a farm on its first day, where one worker asks to join: as far as the first rendered frames. */
export const FIRST_DAY: readonly PictureOf<null>[] = [
  { name: 'first-dashboard', path: () => '/', shows: ['.dash .empty'] },
  { name: 'first-jobs', path: () => '/jobs', shows: ['.empty'] },
  { name: 'first-workers', path: () => '/workers', shows: ['.pending .join', '.empty'] },
  { name: 'first-schedules', path: () => '/schedules', shows: ['.empty'] },
  { name: 'first-limits', path: () => '/limits', shows: ['.empty'] },
  { name: 'first-statistics', path: () => '/statistics', shows: ['.stats'] },
  { name: 'welcome', path: () => '/welcome', shows: ['.card .big'] },
  {
    name: 'welcome-storage',
    path: () => '/welcome',
    shows: ['.card input'],
    prepare: (page) => page.locator('.steps button').nth(1).click(),
  },
  {
    name: 'welcome-workers',
    path: () => '/welcome',
    shows: ['.card .worker'],
    prepare: (page) => page.locator('.steps button').nth(2).click(),
  },
  {
    name: 'welcome-test',
    path: () => '/welcome',
    shows: ['.card .image', '.card .works'],
    async prepare(page) {
      await page.locator('.steps button').nth(2).click()
      await page.locator('.card .worker').waitFor()
      const approve = page.locator('.card .worker button')
      if (await approve.count()) await approve.click()
      await approve.waitFor({ state: 'detached' })
      await page.locator('.steps button').nth(3).click()
      await page.locator('.card button').click()
      await page.locator('.card .works').waitFor({ timeout: 180_000 })
    },
  },
]
