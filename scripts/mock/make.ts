/** `node --import ./scripts/lib/sources.mjs scripts/mock/make.ts --data DIR`: makes the farm of `npm run dev -- --mock`. */
import { parseArgs } from 'node:util'
import { makeMockFarm } from './farm.ts'

const { values } = parseArgs({ options: { data: { type: 'string' } } })
if (values.data === undefined) throw new Error('--data names the folder')
await makeMockFarm(values.data, Date.now())
process.exit(0)
