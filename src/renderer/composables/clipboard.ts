/**
 * Copies text to the clipboard. Our own instead of VueUse's: that one reports success also when the browser refused, which would lose a
 * token that is shown once, and its way without a clipboard cannot copy from an open dialog.
 */
import { useI18n } from 'vue-i18n'
import { useUi } from '../stores/ui.ts'

/** A function that copies and says whether it worked. It never throws. */
export function useCopy(): (text: string) => Promise<void> {
  const { t } = useI18n()
  const ui = useUi()
  return async (text) => {
    try {
      await copyText(text)
      ui.toast(t('common.copied'))
    } catch {
      ui.toast(t('common.notCopied'), { kind: 'error' })
    }
  }
}

/** @throws Error when the browser does not allow it */
export async function copyText(text: string): Promise<void> {
  // The types do not say so, but a page that came over plain http from another machine has none.
  const clipboard = navigator.clipboard as Clipboard | undefined
  if (clipboard) await clipboard.writeText(text)
  else copyAsSelection(text)
}

/** The old way, by a selection, which works in every page while a click or key is handled. */
function copyAsSelection(text: string): void {
  const before = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.style.position = 'fixed'
  field.style.opacity = '0'
  // What lies outside of an open dialog cannot be selected.
  ;(before?.closest('dialog') ?? document.body).append(field)
  field.select()
  // Deprecated, and the only way there is without a secure page.
  const done = document.execCommand('copy')
  field.remove()
  if (before instanceof HTMLElement) before.focus()
  if (!done) throw new Error('the browser refuses to copy')
}
