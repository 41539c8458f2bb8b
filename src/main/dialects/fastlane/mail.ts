/** The email at the end of an execution (protocol 8.2). Pure. */
import { sortedJson } from './errors.ts'
import type { Urls } from './views.ts'

export interface ExecutionEnd {
  task: string
  jobId: string
  exitCode: number | null
  /** The execution object. */
  view: Record<string, unknown>
  /** Null: the manager has no public address. */
  urls: Urls | null
}

export function executionMail(
  event: 'succeeds' | 'fails' | 'finishes',
  end: ExecutionEnd,
): { subject: string; text: string; html: string } {
  const { task, jobId, exitCode, view, urls } = end
  const code = exitCode === null ? 'None' : String(exitCode)
  const what = { succeeds: 'succeeded!', fails: `failed with exit code ${code}!`, finishes: `finished with exit code ${code}!` }[event]
  const title = `Job ${task}/${jobId} ${what}`
  const json = sortedJson(view, 4)
  const links =
    urls === null
      ? []
      : ([
          ['Task', urls.task(task)],
          ['Job', urls.job(task, jobId)],
        ] as const)
  const automatic = 'This message was sent automatically; replies are not monitored.'
  return {
    subject: `[Fastlane] ${title}`.replace(/\s+/g, ' '),
    text: [title, '', ...links.map(([name, url]) => `${name}: ${url}`), '', json, automatic].join('\n'),
    html: [
      `<p>${escapeHtml(title)}</p>`,
      ...links.map(([name, url]) => `<p>${name}: <a href="${escapeHtml(url)}">${escapeHtml(url)}</a></p>`),
      `<pre>${escapeHtml(json)}</pre>`,
      `<p>${automatic}</p>`,
    ].join('\n'),
  }
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
