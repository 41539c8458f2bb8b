/** What floats above the page: toasts, one question, one menu, the palette and the list of keys. */
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import type { IconName } from '../ui/design/icons.ts'

export interface Toast {
  id: number
  text: string
  kind: 'plain' | 'error'
  action?: { label: string; run(): void }
}

export interface MenuItem {
  key: string
  label: string
  icon?: IconName
  /** Shown at the right, e.g. `P`. */
  keys?: string
  disabled?: boolean
  children?: MenuItem[]
  run?(): void
}
export type MenuEntry = MenuItem | 'line'

export interface Question {
  title: string
  text: string
  confirm: string
  /** Something to tick beside it. */
  choice?: string
  answer(yes: boolean, chosen?: boolean): void
}

export const useUi = defineStore('ui', () => {
  const toasts = ref<Toast[]>([])
  const question = shallowRef<Question | null>(null)
  const menu = shallowRef<{ x: number; y: number; label: string; items: MenuEntry[] } | null>(null)
  const paletteOpen = ref(false)
  const keysOpen = ref(false)
  let nextId = 1

  function toast(text: string, options: { kind?: Toast['kind']; action?: Toast['action']; ms?: number } = {}): void {
    const id = nextId++
    toasts.value = [...toasts.value.slice(-3), { id, text, kind: options.kind ?? 'plain', action: options.action }]
    setTimeout(() => dismiss(id), options.ms ?? (options.action ? 10_000 : 5000))
  }
  function dismiss(id: number): void {
    toasts.value = toasts.value.filter((entry) => entry.id !== id)
  }
  function failure(error: unknown): void {
    toast(error instanceof Error ? error.message : String(error), { kind: 'error', ms: 8000 })
  }
  /** Asks once; resolves to the answer. */
  async function ask(q: Omit<Question, 'answer' | 'choice'>): Promise<boolean> {
    return (await askWithChoice(q)).yes
  }
  /** The same with something to tick. */
  function askWithChoice(q: Omit<Question, 'answer'>): Promise<{ yes: boolean; chosen: boolean }> {
    return new Promise((resolve) => {
      question.value = {
        ...q,
        answer(yes, chosen = false) {
          question.value = null
          resolve({ yes, chosen })
        },
      }
    })
  }
  function openMenu(at: { clientX: number; clientY: number }, label: string, items: MenuEntry[]): void {
    menu.value = { x: at.clientX, y: at.clientY, label, items }
  }
  return { toasts, question, menu, paletteOpen, keysOpen, toast, dismiss, failure, ask, askWithChoice, openMenu }
})
