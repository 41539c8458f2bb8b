/** What is asked before a token or a person is taken away: what ends with it, and whether its jobs are to be cancelled. */
import { useI18n } from 'vue-i18n'
import { previewTokenEnd, revokeToken } from '../../../shared/operations/admin/tokens.ts'
import { deleteUser, previewUserEnd } from '../../../shared/operations/admin/users.ts'
import { call } from '../../api/client.ts'
import { useUi } from '../../stores/ui.ts'

/** Names that a question lists; more are counted. */
const MAX_NAMES = 8

export function useEnding() {
  const { t } = useI18n()
  const ui = useUi()

  function names(list: readonly { name: string }[]): string {
    const shown = list.slice(0, MAX_NAMES).map(({ name }) => name)
    return list.length > MAX_NAMES ? t('ending.andMore', { names: shown.join(', '), n: list.length - MAX_NAMES }) : shown.join(', ')
  }

  /**
   * Asks, and does it. Resolves to whether it was done.
   * @param of the token or user
   */
  async function end(
    of: { kind: 'token' | 'user'; id: string },
    question: { title: string; text?: string; confirm: string },
  ): Promise<boolean> {
    const { id } = of
    const { tokens, jobs } =
      of.kind === 'token' ? await call(previewTokenEnd, { params: { id } }) : await call(previewUserEnd, { params: { id } })
    // The question need not list the token itself.
    const others = tokens.filter((token) => token.id !== id)
    const lines = [question.text ?? '']
    if (others.length > 0) lines.push(t('ending.tokens', { n: others.length, names: names(others) }, others.length))
    if (jobs.length > 0) lines.push(t('ending.jobs', { n: jobs.length, names: names(jobs) }, jobs.length))
    const { yes, chosen } = await ui.askWithChoice({
      title: question.title,
      text: lines.filter(Boolean).join('\n'),
      confirm: question.confirm,
      ...(jobs.length > 0 && { choice: t('ending.cancel', { n: jobs.length }, jobs.length) }),
    })
    const query = { jobs: chosen ? 'cancel' : 'keep' }
    if (yes && of.kind === 'token') await call(revokeToken, { params: { id }, query })
    else if (yes) await call(deleteUser, { params: { id }, query })
    return yes
  }

  return { end }
}
