/** Who needs which content: rows of `content_links`. Checkouts are not among them: their links are in the file system. */
import type { ReadDatabase } from '../../store/connection.ts'
import type { Writer } from '../../store/writer.ts'
import type { BlobId } from './blobs.ts'

export class ContentLinks {
  constructor(
    private readonly read: ReadDatabase,
    private readonly writer: Pick<Writer, 'exclusive'>,
  ) {}

  /** Resolves when the links are on disk. */
  async add(owner: string, blobs: readonly BlobId[]): Promise<void> {
    const rows = JSON.stringify(blobs.map(({ sha, size }) => [sha, size]))
    await this.writer.exclusive((tx) =>
      tx.run('insert or ignore into content_links (owner, sha256, bytes) select ?1, value->>0, value->>1 from json_each(?2)', [
        owner,
        rows,
      ]),
    )
  }

  /** Some of an owner's links, or all of them. */
  async remove(owner: string, sha256s?: readonly string[]): Promise<void> {
    await this.writer.exclusive((tx) =>
      sha256s === undefined
        ? tx.run('delete from content_links where owner = ?', [owner])
        : tx.run('delete from content_links where owner = ?1 and sha256 in (select value from json_each(?2))', [
            owner,
            JSON.stringify(sha256s),
          ]),
    )
  }

  async isLinked(sha256: string): Promise<boolean> {
    return (await this.read.get('select 1 from content_links where sha256 = ? limit 1', [sha256])) !== undefined
  }

  async count(): Promise<number> {
    return (await this.read.get<{ count: number }>('select count(*) as count from content_links'))?.count ?? 0
  }
}
