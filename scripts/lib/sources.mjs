// `node --import ./scripts/lib/sources.mjs src/main/headless.ts …` runs the program from its sources, without a build: TypeScript
// through tsx, and the two things that Vite folds into the bundle (`?raw` and `import.meta.glob`) through hooks of our own.
import { register } from 'node:module'
import { register as registerTypeScript } from 'tsx/esm/api'

registerTypeScript()
// Registered last, so it gets what tsx made of a file.
register('./sourceHooks.mjs', import.meta.url)
