// `npm run layers` also asks this: is every package of `dependencies` imported somewhere in src? Names those that are not.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const IMPORT = /(?:\bfrom|\bimport|\brequire\(|\bimport\()\s*['"]([^'"./][^'"]*)['"]/g

/**
 * @param {Iterable<string>} sources texts of source files
 * @param {readonly string[]} packages names of packages
 * @returns {string[]} those that no source imports, also not a file below them
 */
export function unusedPackages(sources, packages) {
  const used = new Set()
  for (const source of sources) {
    for (const [, specifier] of source.matchAll(IMPORT)) {
      const [scope, name] = specifier.split('/')
      used.add(specifier.startsWith('@') ? `${scope}/${name}` : scope)
    }
  }
  return packages.filter((name) => !used.has(name))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = join(import.meta.dirname, '..')
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => /\.(ts|vue|js)$/.test(file))
  const unused = unusedPackages(
    files.map((file) => readFileSync(join(root, 'src', file), 'utf8')),
    Object.keys(dependencies),
  )
  for (const name of unused) process.stderr.write(`${name} is among the dependencies of package.json, but nothing in src imports it\n`)
  process.exitCode = unused.length === 0 ? 0 : 1
}
