import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { OPERATIONS } from '../../../src/shared/operations/index.ts'
import { addressOf, queryText } from '../../../src/shared/operations/operation.ts'

/** First segments of the native API's addresses: `/jobs`, `/tasks`, … */
const ROOTS = [...new Set(OPERATIONS.map(({ url }) => url.split('/')[1]))]
const WRITTEN_OUT = new RegExp(`['"\`](?:\\$\\{[^}]*\\})?/(?:api/v1|${ROOTS.join('|')})(?:[/?'"\`]|\\$\\{)`)

describe('the clients of the native API', () => {
  it.each(['src/main/cli', 'src/main/desktop', 'src/renderer'])('take addresses from the table of operations: %s', (folder) => {
    const calls = execFileSync('git', ['ls-files', '--', folder], { encoding: 'utf8' })
      .split('\n')
      .filter((file) => /\.(ts|vue)$/.test(file))
      .flatMap((file) =>
        readFileSync(file, 'utf8')
          .split('\n')
          .flatMap((line, index) =>
            /\b(?:fetch|request|call|act|send|get|post)\(/.test(line) && WRITTEN_OUT.test(line)
              ? [`${file}:${index + 1} ${line.trim()}`]
              : [],
          ),
      )
    expect(calls).toEqual([])
  })

  it('would notice an address that is written out', () => {
    expect('await fetch(`${base}/api/v1/status`)').toMatch(WRITTEN_OUT)
    expect('call(to, Job, { path: `/jobs/${id}` })').toMatch(WRITTEN_OUT)
  })
})

describe('an address', () => {
  it('has its parameters filled in and encoded', () => {
    expect(addressOf({ url: '/jobs/:jobId/tasks' }, { jobId: 'a/b c' })).toBe('/jobs/a%2Fb%20c/tasks')
  })

  it.each([
    [{}, ''],
    [{ status: undefined, q: null, type: '' }, ''],
    [{ limit: 20, warnings: true }, '?limit=20&warnings=true'],
    [{ status: ['completed', 'failed'] }, '?status=completed%2Cfailed'],
  ])('has a query of the values that are given: %j', (query, text) => {
    expect(queryText(query)).toBe(text)
  })
})
