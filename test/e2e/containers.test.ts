/** Containers in the GUI, on the real engine: submitted from the form, watched, and run again with another command. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Worker } from '../../src/shared/schemas/worker.ts'
import { importBusybox, type TestImage } from '../support/containers.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const chromium = requirePart('chromium')
const docker = requirePart('docker')
const LONG = 90_000
const both = chromium.missing ? chromium.describe : docker.describe

/** A picture of four pixels that a shell can write. */
const PICTURE = 'P3 2 2 255 255 0 0 0 255 0 0 0 255 255 255 0'

both('a container job in the browser', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]
  let image: TestImage
  let out: string

  beforeAll(async () => {
    image = importBusybox()
    farm = await startGuiFarm(true)
    out = join(farm.dataDir, 'frames')
    await mkdir(out)
    farm.addWorker('atlas', { args: ['--containers', '2', '--mount', out] })
    browser = await launchChromium(chromium.path)
    ;({ page, problems } = await openPage(browser))
  }, LONG)
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
    image?.remove()
  })
  const field = (name: string) => page.getByLabel(new RegExp(`^${name}`)).first()

  it(
    'is submitted from the form, and shows its log and its frames',
    async () => {
      await page.goto(`${farm.url}/app/submit/container`)
      await page.getByText('Before it can be submitted').waitFor()
      await field('Job name').fill('boxes')
      await field('Image').fill(image.name)
      await field('Command').fill(`sh -c 'echo frame {frame} of $USER_NAME; echo ${PICTURE} > /out/{frame:04}.ppm'`)
      await field('Frames').fill('1-3')
      await field('Output pattern').fill(join(out, '{frame:04}.ppm'))
      await field('Mounts').fill(`${out}:/out`)
      await field('Environment').fill('USER_NAME=anna')
      await field('User').fill('worker')
      await page.getByText('3 tasks').waitFor()
      await page.getByRole('button', { name: 'Submit', exact: true }).click()
      await page.waitForURL(/\/app\/jobs\/[0-9a-f-]{36}$/)
      await page.locator('header').getByText('Done', { exact: true }).waitFor({ timeout: LONG })
      await page.getByRole('application', { name: /Frame grid: 3 of 3 done/ }).waitFor()
      await page
        .getByRole('log')
        .getByText(/^frame \d of anna$/)
        .waitFor()
      expect((await readdir(out)).toSorted()).toEqual(['0001.ppm', '0002.ppm', '0003.ppm'])
      await page.locator('canvas.image:not([data-frame="0"])').waitFor({ timeout: LONG })
    },
    2 * LONG,
  )

  it(
    'is run again with another command, which fails where it should',
    async () => {
      await page.getByRole('link', { name: 'Settings', exact: true }).last().click()
      await page.getByText('Run again with…').click()
      await page.waitForURL(/from=/)
      await expect.poll(() => field('Image').inputValue(), { timeout: LONG }).toBe(image.name)
      await field('Command').fill(`sh -c 'echo again; exit {frame}'`)
      await field('Frames').fill('7')
      await field('Output pattern').fill('')
      await page.getByText('1 task', { exact: true }).waitFor()
      await page.getByRole('button', { name: 'Submit', exact: true }).click()
      await page.locator('header').getByText('Failed', { exact: true }).waitFor({ timeout: LONG })
      await page.getByRole('application', { name: /Frame grid: 0 of 1 done, .*1 failed/ }).waitFor()
      await page.getByText('This job made no images').waitFor()
    },
    2 * LONG,
  )

  it('is run by a worker whose drawer lists its engine and the image', async () => {
    const workers = (await farm.api<{ items: Worker[] }>('GET', '/workers')).items
    const id = workers.find((worker) => worker.kinds.includes('container'))?.id ?? ''
    await page.goto(`${farm.url}/app/workers/${id}`)
    await page.getByRole('heading', { name: 'Container images' }).waitFor()
    await page.getByText(image.name, { exact: true }).waitFor()
  })

  it('threw nothing on the way', () => expect(problems).toEqual([]))
})
