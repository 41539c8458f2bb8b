import { expect, it } from 'vitest'
// A plain script, so that it runs before anything is installed.
import { unusedPackages } from '../../../scripts/unused-packages.mjs'

it.each([
  ["import { a } from 'alpha'", ['alpha']],
  ["import {\n  a,\n} from 'alpha/part'", ['alpha']],
  ["import 'alpha'", ['alpha']],
  ["const a = await import('alpha')", ['alpha']],
  ["const a = require('alpha')", ['alpha']],
  ["export { a } from '@scope/beta/part'", ['@scope/beta']],
  ["import { a } from './alpha'", []],
  ["import { a } from 'node:alpha'", []],
  ["import { a } from 'alphabet'", []],
])('%s', (source, used) => {
  const packages = ['alpha', '@scope/beta']
  expect(unusedPackages([source], packages)).toEqual(packages.filter((name) => !used.includes(name)))
})
