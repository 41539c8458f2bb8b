/** Parses server-sent events from a text stream. */

export interface ServerEvent {
  /** `message` when the server sends no name. */
  type: string
  /** Empty when the server sends none. */
  id: string
  data: string
}

/** Chunks may be split anywhere. An event cut off by the end of the stream is dropped, as the standard requires. */
export async function* serverEvents(pieces: AsyncIterable<string>): AsyncGenerator<ServerEvent> {
  let rest = ''
  for await (const piece of pieces) {
    rest += piece
    const blocks = rest.split(/\r?\n\r?\n/)
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = readBlock(block)
      if (event) yield event
    }
  }
}

/** Undefined for comments and blocks without data. */
function readBlock(block: string): ServerEvent | undefined {
  const event: ServerEvent = { type: 'message', id: '', data: '' }
  const data: string[] = []
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ''] = /^([^:]+)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === 'data') data.push(value)
    else if (field === 'event') event.type = value
    else if (field === 'id') event.id = value
  }
  return data.length ? { ...event, data: data.join('\n') } : undefined
}
