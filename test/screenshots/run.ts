/**
 * `npm run screenshots [-- NAME …]`: pictures of the GUI's pages in both themes, 1440 × 900, into docs/screenshots, from farms
 * that really render. FRAMEHOUSE_SHOTS names another folder, FRAMEHOUSE_SHOTS_LANGUAGE another language (de).
 */
import { execFileSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { fillShowFarm } from '../support/showFarm.ts'
import { BUSY, FIRST_DAY, LOCKED, type PictureOf } from './pages.ts'
import { settle, watchRequests } from './settle.ts'

const folder = resolve(process.env['FRAMEHOUSE_SHOTS'] ?? join(import.meta.dirname, '../../docs/screenshots'))
const locale = process.env['FRAMEHOUSE_SHOTS_LANGUAGE'] ?? 'en-GB'
const names = process.argv.slice(2)
const wanted = <From>(pictures: readonly PictureOf<From>[]) =>
  pictures.filter((picture) => names.length === 0 || names.includes(picture.name))
const THEMES = ['dark', 'light'] as const

/** Where the first of these programs is; '' when none is. */
function pathOf(...programs: string[]): string {
  return execFileSync('sh', ['-c', `command -v ${programs.join(' ')} | head -n 1`], { encoding: 'utf8' }).trim()
}

const browser = await launchChromium(pathOf('chromium', 'google-chrome'))

async function openBoth(): Promise<{ theme: string; page: Page; openRequests: () => number }[]> {
  return Promise.all(
    THEMES.map(async (theme) => {
      const { page } = await openPage(browser, { colorScheme: theme, locale })
      return { theme, page, openRequests: watchRequests(page) }
    }),
  )
}
type Open = Awaited<ReturnType<typeof openBoth>>

/** Each page in both themes, one right after the other: both tell of the same moment. */
async function take<From>(pictures: readonly PictureOf<From>[], farm: GuiFarm, from: From, both: Open): Promise<void> {
  for (const { name, path, shows, prepare } of pictures) {
    for (const { theme, page, openRequests } of both) {
      try {
        await page.goto(`${farm.url}/app${path(from)}`)
        // What was pointed at on the page before is pointed at no more.
        await page.mouse.move(0, 0)
        await page.locator('main > *').first().waitFor()
        await prepare?.(page)
        await settle(page, shows, openRequests)
      } catch (error) {
        // The others are taken all the same.
        process.exitCode = 1
        process.stderr.write(`${name}-${theme} is not taken: ${String(error)}\n`)
        continue
      }
      await page.screenshot({
        path: join(folder, `${name}-${theme}.jpg`),
        type: 'jpeg',
        quality: 76,
        animations: 'disabled',
        caret: 'hide',
      })
      process.stdout.write(`${name}-${theme}\n`)
    }
  }
}

/** A farm that trusts no client yet: its door, and what its owner sees first. */
async function takeFirstDay(): Promise<void> {
  const farm = await startGuiFarm(false)
  try {
    const both = await openBoth()
    await take(wanted(LOCKED), farm, null, both)
    for (const { page } of both) {
      await page.goto(`${farm.url}/app/`)
      await page
        .locator('main input')
        .first()
        .fill(await farm.ownerToken())
      await page.keyboard.press('Enter')
      await page.locator('.dash').waitFor()
    }
    farm.addWorker('atlas')
    await take(wanted(FIRST_DAY), farm, null, both)
  } finally {
    await farm.stop()
  }
}

async function takeBusyDay(): Promise<void> {
  const farm = await startGuiFarm(true)
  try {
    await take(wanted(BUSY), farm, await fillShowFarm(farm, pathOf('blender')), await openBoth())
  } finally {
    await farm.stop()
  }
}

await mkdir(folder, { recursive: true })
try {
  if (wanted(BUSY).length) await takeBusyDay()
  if (wanted([...LOCKED, ...FIRST_DAY]).length) await takeFirstDay()
} finally {
  await browser.close()
}
