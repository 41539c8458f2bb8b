// `npm run package [-- --dir] [--linux|--win|--mac]`: packages of the desktop program in dist/packages. docs/desktop.md says which
// can be made where. FRAMEHOUSE_ELECTRON names another Electron to put in (tests); FRAMEHOUSE_PACKAGES another folder to write to.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { Platform, build } from 'electron-builder'
import { stage } from './lib/stage.mjs'

const root = join(import.meta.dirname, '..')
const { values } = parseArgs({
  options: { dir: { type: 'boolean' }, linux: { type: 'boolean' }, win: { type: 'boolean' }, mac: { type: 'boolean' } },
})
const app = join(root, 'dist', 'app')
const output = process.env.FRAMEHOUSE_PACKAGES ?? join(root, 'dist', 'packages')

/** @returns {{ electronDist?: string, electronVersion: string }} */
function electron() {
  const other = process.env.FRAMEHOUSE_ELECTRON
  if (other) {
    const electronDist = dirname(other)
    return { electronDist, electronVersion: readFileSync(join(electronDist, 'version'), 'utf8').trim().replace(/^v/, '') }
  }
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', 'electron', 'package.json'), 'utf8'))
  return { electronVersion: version }
}

const command = (file, to) => [{ from: join(root, 'packaging', file), to }]

/** @type {import('electron-builder').Configuration} */
const config = {
  appId: 'org.framehouse.desktop',
  productName: 'Framehouse',
  directories: { app, output, buildResources: join(root, 'resources') },
  // As plain files: other programs read some of them (Blender its bridge), and threads start from others.
  asar: false,
  // sqlite3 and sharp speak Node-API: what npm installed runs on Electron as it is.
  npmRebuild: false,
  protocols: [{ name: 'Framehouse', schemes: ['framehouse'] }],
  ...electron(),
  linux: {
    target: ['AppImage', 'deb', 'tar.gz'],
    executableName: 'framehouse-desktop',
    category: 'Graphics',
    maintainer: 'Framehouse',
    extraFiles: command('framehouse.linux', 'framehouse'),
  },
  win: { target: ['nsis', 'zip'], extraFiles: command('framehouse.cmd', 'framehouse.cmd') },
  nsis: { oneClick: false, perMachine: false, allowToChangeInstallationDirectory: true },
  mac: { target: ['dmg', 'zip'], category: 'public.app-category.graphics-design', extraFiles: command('framehouse.mac', 'bin/framehouse') },
}

const here = { linux: Platform.LINUX, win32: Platform.WINDOWS, darwin: Platform.MAC }[process.platform]
const named = [values.linux && Platform.LINUX, values.win && Platform.WINDOWS, values.mac && Platform.MAC].filter(Boolean)
stage(root, app)
const targets = new Map()
for (const platform of named.length ? named : [here])
  for (const [key, value] of platform.createTarget(values.dir ? 'dir' : undefined)) targets.set(key, value)
for (const file of await build({ targets, config, publish: 'never' })) process.stdout.write(`${file}\n`)
