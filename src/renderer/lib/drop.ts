/** A dropped file's path: whole in the desktop app; a browser tells only its name. */
export function dropPath(file: File): string {
  return window.framehouse?.pathOf(file) || file.name
}
