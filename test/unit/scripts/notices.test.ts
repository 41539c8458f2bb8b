import { expect, it } from 'vitest'
// Plain scripts, so that they run without a loader.
import { importedPackages, shippedPackages } from '../../../scripts/lib/notices.mjs'

const LOCK = {
  packages: {
    '': {},
    'node_modules/server': { dependencies: { shared: '1' } },
    'node_modules/shared': {},
    'node_modules/page': { dev: true, dependencies: { inner: '1', shared: '2' } },
    'node_modules/page/node_modules/shared': { dev: true },
    'node_modules/inner': { dev: true, dependencies: { page: '1' } },
    'node_modules/tool': { dev: true },
  },
}

it('ships what the server runs with and what the page is bundled from, and no tools', () => {
  expect(shippedPackages(LOCK, ['page', 'not-there'])).toEqual([
    'node_modules/inner',
    'node_modules/page',
    'node_modules/page/node_modules/shared',
    'node_modules/server',
    'node_modules/shared',
  ])
})

it('reads the names of packages from imports', () => {
  const source = `import a from 'alpha/part'\nimport '@scope/beta/x'\nconst c = await import("gamma")\nimport './own.ts'\nimport 'node:fs'`
  expect(importedPackages([source])).toEqual(['@scope/beta', 'alpha', 'gamma'])
})
