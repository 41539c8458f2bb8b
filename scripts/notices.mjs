// `npm run notices`: writes THIRD_PARTY_NOTICES.txt, the licences of what is shipped. `--check` only says whether it is up to date.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { importedPackages, noticesOf, shippedPackages } from './lib/notices.mjs'
import { root } from './lib/setup.mjs'

const file = join(root, 'THIRD_PARTY_NOTICES.txt')
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
// The page is one bundle, and so is typebox in the program (electron.vite.config.ts).
const page = ['src/renderer', 'src/shared'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|vue)$/.test(name))
    .map((name) => readFileSync(join(root, folder, name), 'utf8')),
)
const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
const now = noticesOf(root, shippedPackages(lock, importedPackages(page)), lock, before)
if (!process.argv.includes('--check')) writeFileSync(file, now)
else if (now !== before) {
  process.stderr.write('THIRD_PARTY_NOTICES.txt does not fit package-lock.json: run `npm run notices`.\n')
  process.exitCode = 1
}
