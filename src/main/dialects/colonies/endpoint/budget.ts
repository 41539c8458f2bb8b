/** How many bytes of request bodies may be in memory: in all, and of one address. */
import { ColoniesError } from '../wire/errors.ts'

const MIB = 1_048_576
/** pycolonies sends bytes as lists of numbers: 10 MiB of a channel's payload are a body of 61 MiB. */
export const MOST_OF_ONE = 72 * MIB
const MOST_OF_ADDRESS = 2 * MOST_OF_ONE
const MOST_OF_ALL = 4 * MOST_OF_ONE

export class BodyBudget {
  private all = 0
  private readonly byAddress = new Map<string, number>()

  constructor(private readonly most = { one: MOST_OF_ONE, address: MOST_OF_ADDRESS, all: MOST_OF_ALL }) {}

  /** Counts the bytes of one request as they arrive. `done` gives them back. */
  open(address: string): { add(bytes: number): void; done(): void } {
    let mine = 0
    return {
      /** @throws ColoniesError 400 when the body is too long, 429 when too much of others is there */
      add: (bytes) => {
        if (mine + bytes > this.most.one) throw new ColoniesError(400, `the request is larger than ${this.most.one} bytes`)
        const ofAddress = (this.byAddress.get(address) ?? 0) + bytes
        if (ofAddress > this.most.address || this.all + bytes > this.most.all) {
          throw new ColoniesError(429, 'too many large requests at once; send it again in a moment')
        }
        mine += bytes
        this.all += bytes
        this.byAddress.set(address, ofAddress)
      },
      done: () => {
        this.all -= mine
        const left = (this.byAddress.get(address) ?? 0) - mine
        if (left > 0) this.byAddress.set(address, left)
        else this.byAddress.delete(address)
        mine = 0
      },
    }
  }

  /** Bytes that are counted now. */
  get used(): number {
    return this.all
  }
}
