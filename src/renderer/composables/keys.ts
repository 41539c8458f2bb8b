/**
 * The keyboard. Keys belong to the page under the hand: a handler returns true when it used the key. Typing into a field
 * is never a command. `g` then a letter goes somewhere.
 */
import { onScopeDispose } from 'vue'

export type KeyHandler = (key: string, event: KeyboardEvent) => boolean

const handlers: KeyHandler[] = []

/** The key with its modifiers: `Ctrl+k`, `Shift+ArrowDown`, `?`. Command on a Mac counts as Ctrl. */
export function keyName(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>): string {
  const parts: string[] = []
  if (event.ctrlKey || event.metaKey) parts.push('Ctrl')
  if (event.altKey) parts.push('Alt')
  // Shift is part of the character where the key prints one.
  if (event.shiftKey && event.key.length > 1) parts.push('Shift')
  parts.push(event.key === ' ' ? 'Space' : event.key)
  return parts.join('+')
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'range'].includes(target.type)
}

/** Whether the key presses what has the focus: a button, a link, an entry of a list. */
function presses(key: string, target: EventTarget | null): boolean {
  if (key !== 'Enter' && key !== 'Space') return false
  return (
    target instanceof HTMLElement &&
    target.closest('button, a[href], summary, [role=button], [role=switch], [role=option], [role=tab]') !== null
  )
}

/** Newest handler first, so a panel gets the key before the page around it. */
export function dispatchKey(event: KeyboardEvent): void {
  const key = keyName(event)
  // An open menu has the focus, and moves and closes by keys of its own.
  if (event.target instanceof HTMLElement && event.target.closest('[role=menu]')) return
  // The first Escape leaves the field (and closes its list of choices), the next one is for the page.
  if (key === 'Escape' && isTyping(event.target) && event.target instanceof HTMLElement) return event.target.blur()
  if (event.defaultPrevented || (isTyping(event.target) && key !== 'Ctrl+k') || presses(key, event.target)) return
  for (let i = handlers.length - 1; i >= 0; i--) {
    if (handlers[i]?.(key, event)) {
      event.preventDefault()
      return
    }
  }
}

export function useKeys(handler: KeyHandler): void {
  handlers.push(handler)
  onScopeDispose(() => {
    const at = handlers.indexOf(handler)
    if (at >= 0) handlers.splice(at, 1)
  })
}
