/** Whether a row is too narrow for its words. Measured, because words are as long as their language makes them. */
import { useResizeObserver } from '@vueuse/core'
import { nextTick, ref, watch, type Ref } from 'vue'

/**
 * @param row shows its words while the answer is false
 * @param words whatever changes when the row's content does
 */
export function useCrowded(row: Readonly<Ref<HTMLElement | null>>, words: () => unknown): Readonly<Ref<boolean>> {
  const crowded = ref(false)
  /** Width of the content with all words. */
  let needed = 0
  let asked = 0

  async function measure(): Promise<void> {
    const mine = ++asked
    crowded.value = false
    await nextTick()
    const first = row.value?.firstElementChild
    const last = row.value?.lastElementChild
    if (mine !== asked || !row.value || !first || !last) return
    const { paddingLeft, paddingRight } = getComputedStyle(row.value)
    const content = last.getBoundingClientRect().right - first.getBoundingClientRect().left
    needed = content + parseFloat(paddingLeft) + parseFloat(paddingRight)
    compare()
  }
  function compare(): void {
    if (row.value) crowded.value = needed > row.value.clientWidth
  }

  useResizeObserver(row, compare)
  watch([row, words], () => void measure(), { flush: 'post', immediate: true })
  // Widths before the fonts are there say little.
  void document.fonts.ready.then(measure)
  return crowded
}
