/** What only shows when the pages are driven with the mouse, in German, and with a job type of their own. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { axeDefects } from '../support/axe.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('chromium')
const LONG = 90_000

const EVERY_SETTING = `
const JOB_TYPE = {
  label: 'Every Setting',
  settings: [
    { key: 'frames', type: 'string', required: true, default: '1-4' },
    { key: 'camera', type: 'string', required: true, choices: ['left', 'right'] },
    { key: 'image', type: 'string', subtype: 'file_path' },
    { key: 'pattern', type: 'string', subtype: 'hashed_file_path', default: '/shots/######' },
    { key: 'stamp', type: 'string', editable: false, default: 'fixed' },
  ],
}
function compileJob(job) {
  const task = author.Task('look', 'misc')
  task.addCommand(author.Command('echo', { message: job.settings.stamp }))
  job.addTask(task)
}`

part.describe('the pages by hand', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let german: Page
  let problems: string[]
  let failing = ''

  beforeAll(async () => {
    farm = await startGuiFarm(true)
    await mkdir(join(farm.dataDir, 'scripts'), { recursive: true })
    await writeFile(join(farm.dataDir, 'scripts', 'every-setting.js'), EVERY_SETTING)
    farm.addWorker('atlas')
    browser = await launchChromium(part.path)
    ;({ page, problems } = await openPage(browser))
    ;({ page: german } = await openPage(browser, { locale: 'de-DE' }))
    ;({ id: failing } = await farm.api<{ id: string }>('POST', '/jobs', {
      name: 'fails',
      type: 'command-per-frame',
      settings: { command: 'ls /no/such/place', frames: '1-2' },
      policy: { failAfterWorkers: 1, failJobAtPercent: 100 },
    }))
  })
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
  })

  it('jump to the errors of a log, and do not say that there are none', async () => {
    await page.goto(`${farm.url}/app/jobs/${failing}`)
    await page.locator('header').getByText('Failed', { exact: true }).waitFor({ timeout: LONG })
    await page.goto(`${farm.url}/app/jobs/${failing}/log?task=1`)
    await page.getByRole('log').getByText('No such file').waitFor()
    await page.getByRole('button', { name: 'Next error' }).click()
    // What the command came to; not the farm's own line, that the task changed to "failed".
    await page.getByText('1 / 2', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Next error' }).click()
    await page.getByText('2 / 2', { exact: true }).waitFor()
    expect(await page.getByText('No error lines').count()).toBe(0)
    await page.getByRole('searchbox', { name: 'Search the log' }).fill('changed status')
    await page.getByRole('button', { name: 'Next error', pressed: false }).waitFor()
    await page.getByText('1 / 1', { exact: true }).waitFor()
  })

  it('put what can be done on them into the palette, for as long as they are open', async () => {
    const ask = async (text: string) => {
      await page.keyboard.press('Control+k')
      await page.getByRole('combobox').fill(text)
    }
    await page.goto(`${farm.url}/app/limits`)
    await page.getByRole('button', { name: 'Create a limit' }).waitFor()
    await ask('create a lim')
    await page.getByRole('option', { name: 'Create a limit' }).click()
    await page.getByRole('dialog', { name: 'Create a limit' }).getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('g')
    await page.keyboard.press('c')
    await page.getByRole('heading', { name: 'Schedules' }).waitFor()
    await ask('settings')
    await page.getByRole('option', { name: 'Settings: Backup' }).waitFor()
    expect(await page.getByRole('option', { name: 'Create a limit' }).count()).toBe(0)
    await page.keyboard.press('Escape')
  })

  it('come back as they were: the address says which attempt and which list', async () => {
    const { items } = await farm.api<{ items: { id: string }[] }>('GET', `/jobs/${failing}/tasks`)
    await farm.api('POST', '/tasks/actions', { ids: [items[0]?.id], action: 'requeue' })
    const names = page.getByRole('row').filter({ hasText: 'fails' })
    await page.goto(`${farm.url}/app/jobs/${failing}/frames?status=failed&sort=name`)
    await names.waitFor({ timeout: LONG })
    await page.getByRole('link', { name: 'Log', exact: true }).click()
    await page.getByRole('tab', { name: /#2/, selected: true }).waitFor({ timeout: LONG })
    await page.getByRole('tab', { name: /#1/ }).click()
    await page.waitForURL(`**/${failing}/log?status=failed&sort=name&task=1&attempt=1`)
    await page.reload()
    await page.getByRole('tab', { name: /#1/, selected: true }).waitFor()
    // The newest attempt needs no number: a newer one takes its place.
    await page.keyboard.press(']')
    await page.getByRole('tab', { name: /#2/, selected: true }).waitFor()
    await page.waitForURL(`**/${failing}/log?status=failed&sort=name&task=1`)
  })

  it('pick frames by keys, leave these to an open menu, and take them back', async () => {
    await page.goto(`${farm.url}/app/jobs/${failing}/frames`)
    // Keys count once the frames are there.
    const grid = page.getByRole('application', { name: /of 2 done/ })
    await grid.focus()
    await page.keyboard.press('ArrowRight')
    // Moved to the second one without letting go of the first.
    await page.keyboard.press('Control+ArrowRight')
    await page.keyboard.press('Space')
    const picked = page.getByText('2 frames selected')
    await picked.waitFor()
    const menu = page.getByRole('menu')
    await page.keyboard.press('Shift+F10')
    await menu.waitFor()
    await page.keyboard.press('Escape')
    await menu.waitFor({ state: 'detached' })
    await picked.waitFor()
    await expect.poll(() => grid.evaluate((element) => element === document.activeElement)).toBe(true)
    await page.keyboard.press('Shift+F10')
    await menu.waitFor()
    const chosen = () => page.evaluate(() => document.querySelector('.n-dropdown-option-body--pending')?.textContent ?? '')
    // One key after the other: the menu shows its choice a moment later.
    for (let before = await chosen(); !before.includes('Skip'); before = await chosen()) {
      await page.keyboard.press('ArrowDown')
      await expect.poll(chosen).not.toBe(before)
    }
    await page.keyboard.press('Enter')
    await page.getByText('Done: 2 tasks').waitFor()
    await page.getByRole('application', { name: /2 of 2 done/ }).waitFor()
  })

  it('offer a file only for what is a file, and change nothing that the job type keeps', async () => {
    await page.goto(`${farm.url}/app/submit/every-setting`)
    await page.locator('#setting-stamp').waitFor()
    expect(await page.getByLabel('Upload… Image').count()).toBe(1)
    expect(await page.getByLabel('Upload… Pattern').count()).toBe(0)
    expect(await page.locator('#setting-stamp').isDisabled()).toBe(true)
  })

  it('list the jobs to compare with as soon as they are asked for', async () => {
    const ids: string[] = []
    for (const name of ['wide', 'narrow']) {
      const settings = { frames: '1', width: 32, height: 18, samples: 1 }
      ids.push((await farm.api<{ id: string }>('POST', '/jobs', { name, type: 'demo-render', settings })).id)
    }
    for (const id of ids) {
      await page.goto(`${farm.url}/app/jobs/${id}/preview`)
      await page.locator('canvas.image:not([data-frame="0"])').waitFor({ timeout: LONG })
    }
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.keyboard.type('of no such name')
    await page.locator('.n-empty').waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await axeDefects(page), `nothing found, ${colorScheme}`).toEqual([])
    }
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.type('wide')
    await page.locator('.n-base-select-option', { hasText: 'wide' }).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(new RegExp(`compare=${ids[0]}`))
  })

  it('say that they wait for a slow manager, and nothing that they do not know', async () => {
    const { page: slow } = await openPage(browser)
    await slow.goto(`${farm.url}/app/settings/about`)
    await slow.getByText('Live', { exact: true }).waitFor()
    let answer = () => {}
    const answered = new Promise<void>((resolve) => (answer = resolve))
    await slow.route('**/api/v1/**', async (route) => (await answered, route.continue()))
    await slow.goto(`${farm.url}/app/jobs/${failing}`)
    await slow.getByRole('progressbar', { name: 'Loading' }).waitFor()
    for (const claim of ['No log yet', 'No image yet', '0 jobs', 'No worker is on this job.']) {
      expect(await slow.getByText(claim).count(), claim).toBe(0)
    }
    answer()
    await slow.getByText('This job made no images').waitFor()
    await slow.getByRole('progressbar', { name: 'Loading' }).waitFor({ state: 'detached' })
    await slow.context().close()
  })

  it('show a job without tasks as what it is', async () => {
    await farm.api('PUT', '/job-types/nothing/source', {
      source: "const JOB_TYPE = { label: 'Nothing', settings: [] }\nfunction compileJob() {}\n",
    })
    const { id } = await farm.api<{ id: string }>('POST', '/jobs', { name: 'nothing to do', type: 'nothing', settings: {} })
    for (const tab of ['log', 'frames', 'graph']) {
      await page.goto(`${farm.url}/app/jobs/${id}/${tab}`)
      await page.getByText('This job has no tasks.').waitFor()
    }
    await page.locator('header').getByText('100 %').waitFor()
  })

  it('speak German throughout for who reads German', async () => {
    await german.goto(`${farm.url}/app/submit/every-setting`)
    await german.getByText('Auswählen').or(german.getByText('Bitte auswählen')).first().waitFor()
    await german.goto(`${farm.url}/app/settings/audit`)
    await german.getByRole('cell', { name: 'Rechner will mitmachen' }).waitFor()
    await german.goto(`${farm.url}/app/settings/security`)
    await german.getByText('Abschicken', { exact: true }).nth(1).waitFor()
    const { id } = await farm.api<{ id: string }>('POST', '/jobs', {
      name: 'waits',
      type: 'echo-sleep-test',
      settings: { message: 'x' },
      startAfter: '2100-01-01T00:00:00Z',
    })
    await german.goto(`${farm.url}/app/jobs/${id}/why`)
    await german.getByText(/^Der Auftrag darf nicht vor .* beginnen$/).waitFor()
    expect(await german.getByText(/may not start|It waits/).count()).toBe(0)
    const { id: stuck } = await farm.api<{ id: string }>('POST', '/jobs', {
      name: 'no worker fits',
      type: 'container',
      settings: { image: 'busybox', command: 'true' },
    })
    await german.goto(`${farm.url}/app/jobs/${stuck}/why`)
    await german.locator('header').getByText('Wartet: kein Rechner kann Aufgaben der Art „container“ ausführen').waitFor()
    await german.getByText(/^Sie wartet: /).waitFor()
    // What was stored in English: the job's last word, and the task's.
    await farm.api('POST', `/jobs/${stuck}/actions`, { action: 'cancel' })
    await german.goto(`${farm.url}/app/jobs/${stuck}/frames`)
    await german.getByRole('button', { name: 'Als Tabelle' }).click()
    await german
      .getByText(/^Vom Manager abgebrochen, denn der Auftrag ist /)
      .first()
      .waitFor()
  })

  it('and all that without an error of the page', () => {
    expect(problems).toEqual([])
  })
})
