/** What `jq -r .a[0].b` does, as a program of Node, so that tests need no jq. */
export const JQ = `let text = ''
process.stdin.on('data', (chunk) => (text += chunk)).on('end', () => {
  const path = process.argv.at(-1).slice(1).split(/[.[\\]]+/).filter(Boolean)
  console.log(path.reduce((here, part) => here[part], JSON.parse(text)))
})`
