/** Which pages have a picture, and what is done on them before it is taken. */
import type { Page } from 'playwright'
import type { ShowJobs } from '../support/showFarm.ts'

export interface PictureOf {
  /** Of the file, without theme and ending. */
  name: string
  /** Below /app. */
  path(jobs: ShowJobs): string
  prepare?(page: Page): Promise<void>
}

export const PAGES: readonly PictureOf[] = [
  { name: 'job', path: (jobs) => `/jobs/${jobs.running}`, prepare: (page) => page.locator('canvas.image:not([data-frame="0"])').waitFor() },
  { name: 'frames', path: (jobs) => `/jobs/${jobs.running}/frames` },
  { name: 'log', path: (jobs) => `/jobs/${jobs.running}/log` },
  { name: 'timeline', path: (jobs) => `/jobs/${jobs.running}/timeline`, prepare: (page) => page.getByRole('img', { name: /Timeline/ }).waitFor() },
  { name: 'dashboard', path: () => '/' },
  { name: 'jobs', path: () => '/jobs' },
  {
    name: 'preview',
    path: (jobs) => `/jobs/${jobs.exr || jobs.other}/preview`,
    async prepare(page) {
      await page.locator('canvas.image:not([data-frame="0"])').waitFor()
      await page.getByRole('button', { name: 'Exposure and channels' }).click()
      for (let stop = 0; stop < 2; stop++) await page.getByRole('button', { name: 'One stop darker' }).click()
      await page.mouse.move(1000, 460)
    },
  },
  { name: 'compare', path: (jobs) => `/jobs/${jobs.other}/preview?compare=${jobs.done}` },
  { name: 'graph', path: (jobs) => `/jobs/${jobs.video || jobs.done}/graph` },
  { name: 'job-settings', path: (jobs) => `/jobs/${jobs.done}/settings` },
  { name: 'activity', path: (jobs) => `/jobs/${jobs.failed}/activity` },
  { name: 'why', path: (jobs) => `/jobs/${jobs.waiting}/why` },
  { name: 'limits', path: () => '/limits' },
  { name: 'statistics', path: () => '/statistics' },
  { name: 'workers', path: () => '/workers' },
  { name: 'worker', path: (jobs) => `/workers/${jobs.worker}` },
  { name: 'schedules', path: () => '/schedules' },
  { name: 'schedule', path: () => '/schedules', prepare: (page) => page.getByRole('button', { name: /^Edit schedule/ }).first().click() },
  { name: 'submit', path: () => '/submit/demo-render', prepare: (page) => page.getByText(/\d+ tasks/).first().waitFor() },
  { name: 'submit-container', path: () => '/submit/container' },
  { name: 'welcome', path: () => '/welcome' },
  { name: 'settings', path: () => '/settings/paths', prepare: (page) => page.getByText('Reads and writes').first().waitFor() },
  { name: 'settings-notifications', path: () => '/settings/notifications' },
  {
    name: 'settings-job-types',
    path: () => '/settings/job-types',
    prepare: (page) => page.getByRole('button', { name: /demo-render/ }).first().click(),
  },
  { name: 'settings-people', path: () => '/settings/people' },
  { name: 'settings-backup', path: () => '/settings/backup' },
]
