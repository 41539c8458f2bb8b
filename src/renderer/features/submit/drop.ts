/** Files that the user drops on the window or chooses: their path where the desktop app knows it, else the file itself. */
import { shallowRef } from 'vue'

/** The file that was dropped last, until a form took it. A browser tells its name and its content, and not where it lies. */
export const dropped = shallowRef<File | null>(null)

/** A dropped file's path: whole in the desktop app; empty in a browser, where the file has to be handed in. */
export function pathOf(file: File): string {
  return window.framehouse?.pathOf(file) ?? ''
}
