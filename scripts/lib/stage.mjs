// What a package of the desktop program holds: the built program, its resources, and the packages that it needs to run.
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Folders and files of the program, beside its packages. */
const PARTS = ['out/main', 'out/preload', 'out/renderer', 'resources', 'bin', 'LICENSE', 'THIRD_PARTY_NOTICES.txt']

/**
 * Packages that run with the program, as the lock file has them: all that are not for development, nested ones too.
 * @param {{ packages: Record<string, { dev?: boolean, devOptional?: boolean }> }} lock
 * @returns {string[]} their folders below the root, e.g. `node_modules/fastify`
 */
export function runtimePackages(lock) {
  return Object.entries(lock.packages)
    .filter(([folder, { dev, devOptional }]) => folder.startsWith('node_modules/') && !dev && !devOptional)
    .map(([folder]) => folder)
}

/** Copies all of it into `target`, which is made anew. @param {string} root @param {string} target */
export function stage(root, target) {
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  for (const part of PARTS) cpSync(join(root, part), join(target, part), { recursive: true, filter: (from) => !from.endsWith('.map') })
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const { name, version, description, license, type, main, bin, dependencies } = manifest
  writeFileSync(
    join(target, 'package.json'),
    `${JSON.stringify({ name, version, description, license, author: 'Framehouse', type, main, bin, dependencies }, null, 2)}\n`,
  )
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  for (const folder of runtimePackages(lock)) {
    const from = join(root, folder)
    // One for another platform is in the lock file, and not on the disk. Nested packages are copied in their own turn.
    if (!existsSync(from)) continue
    cpSync(from, join(target, folder), { recursive: true, filter: (path) => !path.slice(from.length).includes('node_modules') })
  }
  chmodSync(join(target, 'bin', 'framehouse.js'), 0o755)
}
