import { expect, it } from 'vitest'
import { electronMissing, findElectron } from '../../support/electronRuntime.ts'

it('the runtime that is named and is not there is reported in one sentence, with how to name another', () => {
  const env = { FRAMEHOUSE_ELECTRON: '/nowhere/electron' }
  expect(findElectron(env)).toBe('')
  expect(electronMissing(env)).toMatch(/^There is no Electron runtime at \/nowhere\/electron: .*FRAMEHOUSE_ELECTRON[^\n]*$/)
})

it('the runtime that is named and is there is taken', () => {
  expect(findElectron({ FRAMEHOUSE_ELECTRON: process.execPath })).toBe(process.execPath)
})
