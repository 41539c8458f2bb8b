/** The pages of colonies in a real browser, beside executors and users that sign their calls: from an empty list to a colony that is gone. */
import { readFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { axeDefects } from '../support/axe.ts'
import { ColoniesCaller, spec } from '../support/coloniesCaller.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('chromium')

part.describe('colonies', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]
  let owner: ColoniesCaller
  let executor: ColoniesCaller
  let user: ColoniesCaller

  beforeAll(async () => {
    farm = await startGuiFarm(true)
    await farm.api('PATCH', '/settings', { coloniesPort: 0 })
    browser = await launchChromium(part.path)
    ;({ page, problems } = await openPage(browser))
  })
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
  })
  const row = (name: string | RegExp) => page.getByRole('row', { name })
  const tab = (name: string) => page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name }).click()
  const button = (name: string) => page.getByRole('button', { name, exact: true })
  /** Fills the open form, and returns the key that is shown this once. */
  async function makeIdentity(title: string, fields: Record<string, string>): Promise<string> {
    const dialog = page.getByRole('dialog')
    for (const [label, text] of Object.entries(fields)) await dialog.getByLabel(label, { exact: true }).fill(text)
    await dialog.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('dialog', { name: title }).waitFor()
    const key = (await dialog.locator('[data-key]').textContent()) ?? ''
    expect(key).toMatch(/^[0-9a-f]{64}$/)
    return key
  }

  it('clients are answered from then on that an administrator says so', async () => {
    await page.goto(`${farm.url}/app/colonies`)
    await page.getByRole('heading', { name: 'No colonies' }).waitFor()
    expect(await axeDefects(page)).toEqual([])
    await button('Answer clients').click()
    await button('Answer clients').waitFor({ state: 'detached' })
    expect(await farm.api<{ enabled: boolean }>('GET', '/colonies')).toMatchObject({ enabled: true })
  })

  it('one is made with a key, which can be saved, and is not shown again', async () => {
    await button('New colony').click()
    const key = await makeIdentity('Private key of studio', { Name: 'studio' })
    expect(await axeDefects(page)).toEqual([])
    await page.keyboard.press('Escape')
    const saved = page.waitForEvent('download')
    await button('Download key').click()
    expect(await readFile(await (await saved).path(), 'utf8')).toBe(`${key}\n`)
    owner = new ColoniesCaller(farm.url, key)
    await button('I have kept the key').click()
    await page.getByRole('heading', { name: 'studio' }).waitFor()
    expect(await page.content()).not.toContain(key)
    expect(await owner.ask('getcolonymsg', { colonyname: 'studio' })).toMatchObject({ name: 'studio' })
  })

  it('a user and an executor get their keys the same way, and one that registers itself is approved', async () => {
    await tab('Users')
    await button('New user').click()
    user = new ColoniesCaller(farm.url, await makeIdentity('Private key of anna', { Name: 'anna' }))
    await button('I have kept the key').click()
    await row(/anna/).waitFor()
    await tab('Executors')
    await page.getByRole('heading', { name: 'No executors' }).waitFor()
    executor = new ColoniesCaller(farm.url)
    await owner.ask('addexecutormsg', {
      executor: { executorid: executor.id, executorname: 'one', executortype: 'cli', colonyname: 'studio' },
    })
    await row(/Waiting for approval.*one/)
      .getByRole('button', { name: 'Approve' })
      .click()
    await row(/Ready.*one/).waitFor()
    await button('New executor').click()
    const second = new ColoniesCaller(farm.url, await makeIdentity('Private key of two', { Name: 'two', Type: 'other' }))
    await button('I have kept the key').click()
    await row(/Ready.*two/).waitFor()
    expect(await second.ask('getexecutorsmsg', { colonyname: 'studio' })).toHaveLength(2)
    expect(await axeDefects(page)).toEqual([])
  })

  it('what an executor holds leads to its task, and a process shows its values and its channels', async () => {
    const { processid } = await user.ask('submitfuncspecmsg', {
      spec: spec('studio', { funcname: 'render', args: ['frame', 7], channels: ['chat'] }),
    })
    await executor.ask('assignprocessmsg', { colonyname: 'studio', timeout: 5 })
    await row(/Running.*one/)
      .getByRole('link', { name: 'render' })
      .waitFor()
    await tab('Processes')
    await row(/render/)
      .getByRole('button', { name: 'render' })
      .click()
    const details = page.getByRole('region', { name: 'render' })
    await details.getByText('"frame",').waitFor()
    await details.getByText('Nothing was written yet.').waitFor()
    const say = (who: ColoniesCaller, text: string) =>
      who.ask('channelappendmsg', {
        processid,
        name: 'chat',
        sequence: 1,
        inreplyto: 0,
        payload: Buffer.from(text).toString('base64'),
        payloadtype: '',
      })
    await say(user, 'is frame 7 done?')
    await details.getByText('is frame 7 done?').waitFor()
    await say(executor, 'almost')
    await details.getByText('almost').waitFor()
    expect(await axeDefects(page)).toEqual([])
    await executor.ask('closesuccessfulmsg', { processid, out: ['/render/7.png'] })
    await details.getByText('The process has ended.').waitFor()
    await details.getByText('"/render/7.png"').waitFor()
    await details.getByRole('link', { name: 'Log' }).click()
    await page.waitForURL(/\/app\/jobs\/[0-9a-f-]{36}\/log/)
    await page.goBack()
  })

  it('many processes are a list of any length', async () => {
    await Promise.all(Array.from({ length: 130 }, (_, i) => user.ask('submitfuncspecmsg', { spec: spec('studio', { label: `p${i}` }) })))
    await page.getByRole('button', { name: /Queued 130/ }).click()
    const list = page.getByRole('rowgroup', { name: 'Processes' })
    await list.getByRole('row').first().waitFor()
    expect(await list.getByRole('row').count()).toBeLessThan(80)
    await expect
      .poll(async () => {
        await list.evaluate((el) => el.scrollTo(0, el.scrollHeight))
        return list.evaluate((el) => Math.round(el.scrollHeight / 28))
      })
      .toBeGreaterThanOrEqual(130)
  })

  it('a workflow leads to its graph', async () => {
    const node = (name: string, dependencies: string[]) =>
      spec('studio', { nodename: name, conditions: { colonyname: 'studio', executortype: 'other', dependencies } })
    await user.ask('submitworkflowspecmsg', { spec: { colonyname: 'studio', functionspecs: [node('a', []), node('b', ['a'])] } })
    await tab('Workflows')
    await row(/0\/2/).getByRole('link', { name: 'Graph' }).click()
    await page.waitForURL(/\/graph$/)
    await page.goBack()
  })

  it('crons and generators are there, and among the schedules of the farm', async () => {
    const workflowspec = JSON.stringify({ colonyname: 'studio', functionspecs: [spec('studio', { nodename: 'a' })] })
    const cron = { name: 'nightly', colonyname: 'studio', cronexpression: '0 0 3 * * *', interval: -1, random: false, workflowspec }
    await user.ask('addcronmsg', { cron: { ...cron, waitforprevprocessgraph: false } })
    await user.ask('addgeneratormsg', { generator: { colonyname: 'studio', name: 'tiles', workflowspec, trigger: 4, timeout: 0 } })
    await tab('Schedules')
    await row(/nightly/)
      .getByRole('button', { name: /Run now/ })
      .click()
    await row(/nightly.*ago/).waitFor()
    await row(/tiles.*0 \/ 4/).waitFor()
    expect(await axeDefects(page)).toEqual([])
    await page.goto(`${farm.url}/app/schedules`)
    await row(/nightly.*studio/)
      .getByRole('link', { name: 'studio' })
      .click()
  })

  it('a blueprint shows what each generation changed', async () => {
    const definition = {
      kind: 'Farm',
      metadata: { name: 'farms', colonyname: 'studio' },
      spec: { names: { kind: 'Farm' }, handler: { executorType: '', functionName: '' } },
    }
    await owner.ask('addblueprintdefinitionmsg', { blueprintdefinition: definition })
    const metadata = { name: 'night', colonyname: 'studio' }
    await owner.ask('addblueprintmsg', { blueprint: { kind: 'Farm', metadata, spec: { machines: 2, image: 'render:1' } } })
    await owner.ask('updateblueprintmsg', { blueprint: { kind: 'Farm', metadata, spec: { machines: 9, image: 'render:1' } } })
    await tab('Blueprints')
    const history = page.getByRole('list', { name: 'History' })
    await history.getByText('"machines": 2,').waitFor()
    await history.getByText('"machines": 9,').waitFor()
    expect(await axeDefects(page)).toEqual([])
  })

  it('files, snapshots and functions are listed', async () => {
    const file = { colonyname: 'studio', label: '/scenes', name: 'a.blend', checksum: 'ab', checksumalg: 'SHA256', ref: {} }
    for (const size of [1_000, 2_000]) await user.ask('addfilemsg', { file: { ...file, size } })
    await user.ask('createsnapshotmsg', { colonyname: 'studio', label: '/scenes', name: 'monday' })
    await executor.ask('addfunctionmsg', {
      fun: { executorname: 'one', colonyname: 'studio', funcname: 'render', description: 'Renders a frame', args: [] },
    })
    await tab('Files')
    await page.getByText('monday').waitFor()
    await row(/2.0 kB|2 kB/)
      .getByRole('button')
      .click()
    await row(/1.0 kB|1 kB/).waitFor()
    expect(await axeDefects(page)).toEqual([])
    await tab('Functions')
    await row(/Renders a frame/).waitFor()
  })

  it('looks right in the light, at 1024 × 700 and at 200 %', async () => {
    await page.emulateMedia({ colorScheme: 'light' })
    for (const size of [
      { width: 1024, height: 700 },
      { width: 720, height: 450 },
    ]) {
      await page.setViewportSize(size)
      for (const name of ['Executors', 'Processes', 'Blueprints', 'Files']) {
        await tab(name)
        await page.locator('table, [role=table], ol').first().waitFor()
        expect(await axeDefects(page), `${name} at ${size.width}`).toEqual([])
        await expect
          .poll(() => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), { message: name })
          .toBeLessThanOrEqual(0)
      }
    }
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.setViewportSize({ width: 1440, height: 900 })
  })

  it('one that is removed is gone, with its jobs', async () => {
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove colony' }).click()
    await page.getByRole('heading', { name: 'No colonies' }).waitFor()
    expect((await farm.api<{ items: unknown[] }>('GET', '/jobs')).items).toEqual([])
  })

  it('threw nothing on the way', () => expect(problems).toEqual([]))
})
