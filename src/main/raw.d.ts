/** Vite's `?raw` imports: the text of a file, folded into the bundle. */
declare module '*?raw' {
  const text: string
  export default text
}
