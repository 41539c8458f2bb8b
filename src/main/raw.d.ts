/** Vite's `?raw` imports: the text of a file, folded into the bundle. */
declare module '*?raw' {
  const text: string
  export default text
}

/** Vite's and vitest's glob import, in the one form that is used here: the texts of files, by path. */
interface ImportMeta {
  glob<T>(pattern: string, options: { query: '?raw'; import: 'default'; eager: true }): Record<string, T>
}
