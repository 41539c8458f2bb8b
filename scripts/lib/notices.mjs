// The texts of the licences of all that is shipped: the packages of the server, and what is bundled into the page. Pure but for
// reading packages.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runtimePackages } from './stage.mjs'

const LICENCE_FILE = /^(licen[cs]e|copying|notice)([.-].*)?$/i
const LINE = '='.repeat(80)
const HEAD = `Framehouse contains the following third-party software, under the licences given with each.
This file is written by \`npm run notices\`.
`
/** Of licences that packages name without bringing their text. */
const LICENCE_TEXTS = { 'LGPL-3.0-or-later': ['LGPL-3.0.txt', 'GPL-3.0.txt'] }

/**
 * Folders, below the root, of the packages that are shipped: those that the server runs with, and those that the page is bundled from.
 * @param {{ packages: Record<string, { dev?: boolean, devOptional?: boolean, dependencies?: Record<string, string> }> }} lock
 * @param {readonly string[]} bundled names of packages that the page imports
 */
export function shippedPackages(lock, bundled) {
  const found = new Set(runtimePackages(lock))
  const open = bundled.map((name) => `node_modules/${name}`)
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    const entry = lock.packages[folder]
    if (!entry || (found.has(folder) && entry.dev !== true)) continue
    found.add(folder)
    for (const name of Object.keys(entry.dependencies ?? {})) {
      const target = resolveIn(lock, folder, name)
      if (target !== undefined && !found.has(target)) open.push(target)
    }
  }
  return [...found].sort()
}

/** Where a package that is in `folder` finds another: below itself, or below one of the folders that it is in. */
function resolveIn(lock, folder, name) {
  for (let at = folder; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
    if (lock.packages[candidate]) return candidate
    if (at === '') return undefined
  }
}

/** Names of packages that sources import. @param {Iterable<string>} sources */
export function importedPackages(sources) {
  const names = new Set()
  for (const source of sources) {
    for (const [, specifier] of source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"./][^'"]*)['"]/g)) {
      const [scope, name] = specifier.split('/')
      if (!specifier.startsWith('node:')) names.add(specifier.startsWith('@') ? `${scope}/${name}` : scope)
    }
  }
  return [...names].sort()
}

/**
 * The whole file. A package that is not installed here (it is for another system) keeps what `before` has of it.
 * @param {string} root @param {readonly string[]} folders @param {string} before the file as it is
 */
export function noticesOf(root, folders, lock, before) {
  const known = sectionsOf(before)
  const sections = new Map()
  for (const folder of folders) {
    const { version, license } = lock.packages[folder]
    const title = `${folder.slice(folder.lastIndexOf('node_modules/') + 13)} ${version}`
    const section = existsSync(join(root, folder, 'package.json')) ? readSection(root, folder) : known.get(title)
    sections.set(title, section ?? `Licence: ${license ?? 'see the package'}\n`)
  }
  const texts = [...new Set(Object.values(LICENCE_TEXTS).flat())].map((name) => [
    name,
    readFileSync(join(root, 'packaging', 'licences', name), 'utf8'),
  ])
  const all = [...[...sections].sort(([a], [b]) => (a < b ? -1 : 1)), ...texts]
  return HEAD + all.map(([title, text]) => `\n${LINE}\n${title}\n${LINE}\n\n${text.trim()}\n`).join('')
}

function sectionsOf(text) {
  const parts = text.split(`\n${LINE}\n`).slice(1)
  return new Map(parts.flatMap((part, at) => (at % 2 === 0 ? [[part, `${parts[at + 1]?.trim()}\n`]] : [])))
}

function readSection(root, folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const files = readdirSync(join(root, folder))
    .filter((name) => LICENCE_FILE.test(name))
    .sort()
  const licence =
    typeof manifest.license === 'string'
      ? manifest.license
      : (manifest.license?.type ?? manifest.licenses?.map((each) => each.type).join(' or ') ?? '')
  const source = typeof manifest.repository === 'string' ? manifest.repository : manifest.repository?.url
  const head = [licence && `Licence: ${licence}`, source && `Source: ${source.replace(/^git\+|\.git$/g, '')}`].filter(Boolean)
  const texts = files.map((name) =>
    readFileSync(join(root, folder, name), 'utf8')
      .replaceAll('\r\n', '\n')
      .trim(),
  )
  return `${[...head, ...texts.flatMap((text) => ['', text])].join('\n')}\n`
}
