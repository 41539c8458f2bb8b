import { existsSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
// A plain script, so that it runs without a loader.
import { bannedIn, CLEAN } from '../../../scripts/banned-words.mjs'

const words = (text: string, file = 'x.ts') => bannedIn(text, file).map(({ line, word }) => [line, word])

describe('banned words', () => {
  test.each([
    ['a comment of one line', '// nobody waits for it', [[1, 'nobody']]],
    ['a comment of several lines', '/**\n * Fails when it is\n * told too late.\n */\nconst x = 1', [[1, 'is told']]],
    ['a comment behind code', 'const x = 1 // somebody else', [[1, 'somebody']]],
    ['a message', "\nthrow new Error('the worker is not here any more')", [[2, 'not here any more']]],
    ['a template', '\nlog(`${who} said no`)', [[2, 'said']]],
    [
      'two of them',
      '// whoever said so',
      [
        [1, 'said'],
        [1, 'whoever'],
      ],
    ],
  ])('are found in %s', (_, text, expected) => {
    expect(words(text)).toEqual(expected)
  })

  test.each([
    ['identifiers', 'const nobody = said(told)'],
    ['single words in quotes, which may be stored', "const kind = 'nobody'"],
    ['paths and code spans', '// locales/en/said.ts holds `said`, by its code'],
    ['parameters', '/** @param said its code */\nconst x = 1'],
    ['the template of a component', '<script>\nconst x = 1\n</script>\n<template>nobody is told</template>', 'x.vue'],
    ['other forms that are good English', '// The button stands for a command. Nothing more is accepted.'],
  ])('are not seen in %s', (_, text, file = 'x.ts') => {
    expect(words(text, file)).toEqual([])
  })

  it('are found in the script of a component', () => {
    expect(words('<script setup>\n// nobody\n</script>\n', 'x.vue')).toEqual([[2, 'nobody']])
  })

  it('are found in every line of a page', () => {
    expect(words('# Title\n\nNobody is told.', 'page.md')).toEqual([
      [3, 'Nobody'],
      [3, 'is told'],
    ])
  })
})

it('every room that is clean exists', () => {
  expect(CLEAN.filter((room) => !existsSync(room))).toEqual([])
})
