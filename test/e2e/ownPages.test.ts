/** What a farm's owner and its artists do in the browser: a .blend from the desk to a frame, job types, people, paths, backups. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser, Locator, Page } from 'playwright'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { axeDefects } from '../support/axe.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { makeBlend } from '../support/makeBlend.ts'
import { ManagerProcess } from '../support/managerProcess.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('chromium')
const blender = requirePart('blender')
const LONG = 90_000

/** The text of a code editor, line by line. */
async function textOf(editor: Locator): Promise<string> {
  const lines = await editor.locator('.cm-line').allInnerTexts()
  return lines.map((line) => line.replaceAll('\n', '')).join('\n')
}
/** Replaces the text by pasting. */
async function paste(editor: Locator, text: string): Promise<void> {
  await editor.press('Control+a')
  await editor.evaluate((element, pasted) => {
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', pasted)
    element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, text)
}

part.describe('the pages of who owns a farm', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'framehouse-own-'))
    farm = await startGuiFarm(true)
    farm.addWorker('atlas')
    browser = await launchChromium(part.path)
    ;({ page, problems } = await openPage(browser))
    const awake = async () => (await farm.api<{ items: { status: string }[] }>('GET', '/workers')).items[0]?.status
    await vi.waitFor(async () => expect(await awake()).toBe('awake'), { timeout: LONG, interval: 200 })
  }, 2 * LONG)
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  blender.describe('a .blend', () => {
    it(
      'is dropped on the form, fills it in, is submitted and rendered to a frame',
      async () => {
        const blend = await makeBlend(blender.path, { engine: 'WORKBENCH', frames: '3' })
        const content = (await readFile(blend)).toString('base64')
        await page.goto(`${farm.url}/app/submit`)
        await page.getByRole('heading', { name: 'What do you want to render?' }).waitFor()
        const transfer = await page.evaluateHandle((base64) => {
          const data = new DataTransfer()
          data.items.add(new File([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], 'turntable.blend'))
          return data
        }, content)
        await page.dispatchEvent('.shell', 'drop', { dataTransfer: transfer })
        await page.getByText(/Read by atlas with Blender/).waitFor({ timeout: LONG })
        await expect.poll(() => page.getByLabel(/^Frames/).inputValue()).toBe('1-3')
        await expect.poll(() => page.getByLabel(/^Job name/).inputValue()).toBe('turntable')
        await page.getByLabel(/^Render output root/).fill(join(folder, 'out'))
        await page.getByText('4 tasks').waitFor()
        await page.getByRole('button', { name: 'Submit', exact: true }).click()
        await page.waitForURL(/\/app\/jobs\/[0-9a-f-]{36}$/)
        await page.locator('canvas.image:not([data-frame="0"])').waitFor({ timeout: LONG })
        await page.getByRole('application', { name: /Frame grid: .*0 failed/ }).waitFor()
      },
      2 * LONG,
    )
  })

  it(
    'a job type is written, its mistakes are shown with their line, and a job is made of it',
    async () => {
      await page.goto(`${farm.url}/app/settings/job-types`)
      await page.getByRole('textbox', { name: 'name-of-the-type' }).fill('say-it')
      await page.getByRole('button', { name: 'New job type' }).click()
      const script = page.getByRole('textbox', { name: 'Script' })
      const good = await textOf(script)
      await paste(script, good.replace('function compileJob(job) {', 'function compileJob(job) {\n  missing()'))
      await page.getByText(/ReferenceError: .*say-it\.js:12/).waitFor({ timeout: LONG })
      await paste(script, good.replace("label: 'My Job Type'", "label: 'Say It'"))
      await page.getByText('Form of Say It').waitFor({ timeout: LONG })
      await page.getByText('10 tasks').waitFor({ timeout: LONG })
      await page.getByRole('button', { name: 'Save', exact: true }).click()
      await page.getByRole('link', { name: 'Submit one' }).click()
      await page.getByText('10 tasks').waitFor()
      await page.getByRole('button', { name: 'Submit', exact: true }).click()
      await page.locator('header').getByText('Done', { exact: true }).waitFor({ timeout: LONG })
    },
    2 * LONG,
  )

  it('a script that is being typed is not lost on the way to another page, and has an address', async () => {
    await page.goto(`${farm.url}/app/settings/job-types`)
    await page.getByRole('button', { name: /Demo Render/ }).click()
    await page.waitForURL('**/settings/job-types?type=demo-render')
    // The list of types comes late, when the script is being typed already.
    let release = (): void => undefined
    const typed = new Promise<void>((resolve) => (release = resolve))
    await page.route(/\/api\/v1\/job-types$/, async (request) => {
      await typed
      await request.continue()
    })
    await page.reload()
    const script = page.getByRole('textbox', { name: 'Script' })
    await expect.poll(() => textOf(script)).toContain('JOB_TYPE')
    await script.press('End')
    await script.pressSequentially(' // mine')
    release()
    await page.getByRole('button', { name: /Demo Render/ }).waitFor()
    const question = page.getByRole('alertdialog')
    await page.getByRole('link', { name: 'People' }).click()
    await question.getByRole('button', { name: 'Back' }).click()
    await question.waitFor({ state: 'detached' })
    expect(await textOf(script)).toContain('// mine')
    await page.getByRole('link', { name: 'People' }).click()
    await question.getByRole('button', { name: 'Discard' }).click()
    await page.waitForURL('**/settings/people')
  })

  it('paths are checked by the workers themselves', async () => {
    await page.goto(`${farm.url}/app/settings/paths`)
    await page
      .getByRole('row', { name: /Shared storage folder/ })
      .getByText('Reads and writes')
      .waitFor({ timeout: LONG })
  })

  it('a person is made, and can be kept out', async () => {
    await page.goto(`${farm.url}/app/settings/people`)
    await page.getByLabel('Name of the new person').fill('anna')
    await page.getByLabel('Password, 8 letters or more').fill('correct horse')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('row', { name: /anna/ }).waitFor()
    const login = () =>
      fetch(`${farm.url}/api/v1/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'anna', password: 'correct horse' }),
      })
    const { token } = (await (await login()).json()) as { token: string }
    const who = () => fetch(`${farm.url}/api/v1/whoami`, { headers: { authorization: `Bearer ${token}` } })
    expect(await (await who()).json()).toMatchObject({ actor: 'user:anna', role: 'artist' })
    await page.getByRole('switch', { name: 'Active anna' }).click()
    await expect.poll(async () => (await login()).status).toBe(401)
    expect((await who()).status).toBe(401)
  })

  it(
    'a backup is made and downloaded, and a farm is started from it',
    async () => {
      await page.goto(`${farm.url}/app/settings/backup`)
      await page.getByRole('button', { name: 'Back up now' }).click()
      const waiting = page.waitForEvent('download')
      await page.getByRole('link', { name: 'Download' }).click()
      const archive = join(folder, 'backup.tar')
      await (await waiting).saveAs(archive)
      await promisify(execFile)('tar', ['-xf', archive, '-C', folder])
      const copy = (await readdir(folder)).find((name) => name.startsWith('framehouse-')) ?? ''
      const manager = await ManagerProcess.start({ dataDir: join(folder, copy) })
      try {
        const { items } = await manager.json<{ items: { name: string }[] }>('GET', '/api/v1/jobs')
        expect(items.map((job) => job.name)).toContain('Say It')
        const types = await manager.json<{ items: { name: string }[] }>('GET', '/api/v1/job-types')
        expect(types.items.map((type) => type.name)).toContain('say-it')
      } finally {
        await manager.stop(true)
      }
    },
    LONG,
  )

  it.each(['/submit', '/submit/simple-blender-render', '/settings/job-types', '/settings/paths', '/settings/people', '/settings/backup'])(
    'has no accessibility defect on %s that axe can find, in either theme',
    async (path) => {
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        await page.goto(`${farm.url}/app${path}`)
        await page.getByRole('main').waitFor()
        await page.waitForLoadState('networkidle').catch(() => {})
        expect(await axeDefects(page), `${path} ${colorScheme}`).toEqual([])
      }
    },
    LONG,
  )

  it('threw nothing on the way', () => {
    // The script with a mistake in it was refused, as it should be.
    expect(problems.filter((problem) => !/status of 400/.test(problem))).toEqual([])
  })
})
