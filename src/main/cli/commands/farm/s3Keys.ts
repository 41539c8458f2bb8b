/** `framehouse s3-key create|list|remove`: keys of a colony's buckets. */
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import { defineCommand } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { ago } from '../../output/format.ts'
import { printJson, printTable } from '../../output/output.ts'

const COLONY = { name: 'COLONY', help: 'name of the colony' }

export const createS3Key = defineCommand({
  path: ['s3-key', 'create'],
  summary: "make a key of a colony's buckets; its secret is shown only once",
  details:
    'It counts for the S3 endpoint of the Colonies API, and as long as its executor is approved, or its user belongs to the\n' +
    'colony. Clients take it from their environment: AWS_S3_ACCESSKEY and AWS_S3_SECRETKEY (pycolonies), AWS_ACCESS_KEY_ID and\n' +
    'AWS_SECRET_ACCESS_KEY (others).',
  examples: ['framehouse s3-key create studio render-1'],
  positionals: [COLONY, { name: 'MEMBER', help: 'name of an approved executor or a user of the colony' }],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const [colony = '', member = ''] = words
    const made = await makeClient(context, options).makeS3Key(colony, member)
    if (json) {
      printJson(context.terminal, made)
      return EXIT.done
    }
    context.terminal.err(`The key of ${made.member}: access key, then secret key; save them now, the secret is not shown again:\n`)
    context.terminal.out(`${made.accessKey}\n${made.secretKey}\n`)
    return EXIT.done
  },
})

export const listS3Keys = defineCommand({
  path: ['s3-key', 'list'],
  summary: "list the keys of a colony's buckets",
  positionals: [COLONY],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const keys = await makeClient(context, options).s3Keys(words[0] ?? '')
    if (json) {
      printJson(context.terminal, keys)
      return EXIT.done
    }
    const now = context.now()
    printTable(
      context.terminal,
      [
        { title: 'ACCESS KEY', value: (key) => key.accessKey },
        { title: 'MEMBER', value: (key) => key.member, shrinks: true },
        { title: 'COUNTS', value: (key) => (key.counts ? 'yes' : 'no') },
        { title: 'MADE', value: (key) => ago(key.createdAt, now) },
      ],
      keys,
    )
    return EXIT.done
  },
})

export const removeS3Key = defineCommand({
  path: ['s3-key', 'remove'],
  summary: "remove a key of a colony's buckets; what was stored with it stays",
  positionals: [COLONY, { name: 'ACCESS-KEY', help: 'the access key' }],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const [colony = '', accessKey = ''] = words
    await makeClient(context, options).removeS3Key(colony, accessKey)
    if (json) printJson(context.terminal, { accessKey, removed: true })
    return EXIT.done
  },
})
