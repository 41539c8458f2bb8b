import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commandHelp, overview } from '../../../src/main/cli/parsing/help.ts'
import { COMMANDS } from '../../../src/main/cli/commands/index.ts'
import { complete, FILES } from '../../../src/main/cli/parsing/complete.ts'
import { completionScript, SHELLS } from '../../../src/main/cli/parsing/completionScripts.ts'
import { requirePart } from '../../support/parts.ts'

const fish = requirePart('fish')

const names = {
  'job-type': ['demo-render', 'echo-sleep-test'],
  job: ['0000000a', 'last'],
  schedule: ['0000000b'],
  worker: ['anna', 'berta'],
}
const completeLine = (...words: string[]) => complete(words, COMMANDS, (what) => Promise.resolve(names[what]))

describe('completion', () => {
  it.each([
    { words: ['sub'], found: ['submit'] },
    { words: ['workers', ''], found: ['approve', 'restart', 'shutdown', 'sleep', 'wake'] },
    { words: ['tokens', ''], found: ['create', 'list', 'revoke'] },
    { words: ['submit', ''], found: ['demo-render', 'echo-sleep-test'] },
    { words: ['submit', 'demo-render', ''], found: [] },
    { words: ['submit', '--wat'], found: ['--watch'] },
    { words: ['submit', '--priority', '3', 'e'], found: ['echo-sleep-test'] },
    { words: ['submit', '--settings', ''], found: [FILES] },
    { words: ['submit', '--settings=se'], found: [FILES] },
    { words: ['jobs', '--status', 'fa'], found: ['failed'] },
    { words: ['jobs', '--status=fa'], found: ['--status=failed'] },
    { words: ['job', 'l'], found: ['last'] },
    { words: ['workers', 'approve', 'b'], found: ['berta'] },
    { words: ['schedules', ''], found: ['add', 'delete', 'list', 'pause', 'resume', 'run', 'show'] },
    { words: ['schedules', 'run', ''], found: ['0000000b'] },
    { words: ['schedules', 'add', 'e'], found: ['echo-sleep-test'] },
    { words: ['schedules', 'add', '--overlap', 'q'], found: ['queue'] },
    { words: ['completion', ''], found: ['bash', 'fish', 'zsh'] },
    { words: ['help', 'jo'], found: ['job', 'job-types', 'jobs', 'join-code'] },
    { words: ['__'], found: [] },
    { words: ['nonsense', ''], found: [] },
  ])('of $words is $found', async ({ words, found }) => {
    expect(await completeLine(...words)).toEqual(found)
  })

  it('offers an option once unless it may be repeated', async () => {
    const offered = await completeLine('submit', 'demo-render', '--watch', '--set', 'a=1', '--')
    expect(offered).toContain('--set')
    expect(offered).not.toContain('--watch')
  })

  it.each(SHELLS)('has a script for %s that the shell can read', (shell) => {
    const script = completionScript(shell)
    expect(script).toContain('__complete')
    const program = ['/bin', '/usr/bin'].map((folder) => `${folder}/${shell}`).find(existsSync)
    if (!program) return
    const folder = mkdtempSync(join(tmpdir(), 'framehouse-completion-'))
    try {
      const file = join(folder, 'script')
      writeFileSync(file, script)
      execFileSync(program, ['-n', file])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each([
    { typed: ['submit', ''], asked: 'submit|', offered: 'answer' },
    // Bash makes several words of one that has "=" or ":" in it, and replaces only the last of them.
    { typed: ['jobs', '--status', '=', 'an'], asked: 'jobs|--status=an', answer: '--status=answer', offered: 'answer' },
    { typed: ['jobs', '--status', '='], asked: 'jobs|--status=', answer: '--status=answer', offered: 'answer' },
    { typed: ['jobs', '--manager', 'http', ':', '//x', ':', '1', '--st'], asked: 'jobs|--manager|http://x:1|--st', offered: 'answer' },
  ])('asks for $asked in a real bash and offers $offered', ({ typed, asked, offered, answer = 'answer' }) => {
    const script = `
      framehouse() { shift; local IFS='|'; printf '%s' "$*" >&3; echo '${answer}'; }
      ${completionScript('bash').replace('2>/dev/null)', ')')}
      COMP_WORDS=(framehouse ${typed.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${typed.length}
      exec 3>&1
      _framehouse
      printf '\\n%s\\n' "\${COMPREPLY[@]}"`
    expect(execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })).toBe(`${asked}\n${offered}\n`)
  })

  fish.describe('in a real fish', () => {
    it.each([
      ['submit ', 'echo answer', ['answer']],
      ['submit --settings sh', 'echo :files', ['shot.json']],
      ['submit --settings=sh', 'echo :files', ['--settings=shot.json']],
      ['worker --data=fo', 'echo :folders', ['--data=folder/']],
    ])('%j is completed', (typed, program, offered) => {
      const folder = mkdtempSync(join(tmpdir(), 'framehouse-completion-'))
      try {
        writeFileSync(join(folder, 'shot.json'), '')
        mkdirSync(join(folder, 'folder'))
        const script = `function framehouse; ${program}; end\n${completionScript('fish')}\ncomplete -C 'framehouse ${typed}'`
        const out = execFileSync(fish.path, ['--no-config', '-c', script], {
          encoding: 'utf8',
          cwd: folder,
          env: { ...process.env, HOME: folder },
        })
        expect(
          out
            .trim()
            .split('\n')
            .map((line) => line.split('\t')[0]),
        ).toEqual(offered)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  })
})

describe('help', () => {
  it('lists every command that is not hidden', () => {
    const text = overview(COMMANDS)
    for (const command of COMMANDS) expect(text.includes(`  ${command.path.join(' ')}`)).toBe(!command.hidden)
  })

  it.each(COMMANDS.filter((command) => !command.hidden).map((command) => [command.path.join(' '), command] as const))(
    'of "%s" names all its options',
    (_, command) => {
      const text = commandHelp(command)
      for (const name of Object.keys(command.options)) expect(text).toContain(`--${name}`)
    },
  )

  it('gives no two commands the same name, and each a summary that fits a line', () => {
    const paths = COMMANDS.map((command) => command.path.join(' '))
    expect(new Set(paths).size).toBe(paths.length)
    for (const command of COMMANDS) expect(command.summary.length).toBeLessThan(90)
  })
})
