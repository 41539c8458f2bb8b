import { expect, it } from 'vitest'
import { ownerName } from '../../../src/renderer/lib/owner.ts'

it.each([
  ['user:anna', 'anna'],
  ['token:render script', 'render script'],
  ['key:add-on', 'add-on'],
  ['local', 'local'],
  ['user:', 'user:'],
  ['a:user:b', 'a:user:b'],
])('the owner %j is shown as %j', (owner, shown) => expect(ownerName(owner)).toBe(shown))
