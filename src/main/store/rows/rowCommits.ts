/**
 * All rows of a batch go to SQLite in one statement, with a JSON array for each kind: an INSTEAD OF trigger on a
 * temporary view runs the row statements over them. Each further statement would cost a trip to the thread pool and
 * back, and on a busy machine these trips, not the writing, set the pace. One commit may be passed to SQLite while
 * another is in progress: it waits for SQLite's own lock of the connection and continues as soon as that is free,
 * whatever the main thread does in the meantime. The two are separate statements (a statement runs once at a time), and
 * a number that each checks and updates keeps their order: a lock is not a queue.
 */
import type { Connection } from '../connection.ts'

/**
 * How rows of one kind are written: SQL that reads a JSON array of rows from `jsonb_each(:rows)`. (`json_each` would
 * write each row as text again, only for `->>` to parse it: that is half of what a commit costs.)
 */
export interface RowStatement {
  /** Key of its rows in the batch's document. */
  readonly name: string
  readonly sql: string
}

/** The rows of a batch: its kinds in the order in which they are applied, and a JSON array for each. */
export interface Rows {
  readonly kinds: readonly RowStatement[]
  readonly values: readonly string[]
}

/** Most commits in progress at a time. */
export const COMMITS_AT_ONCE = 2

const OUT_OF_ORDER = 'before the commit that it follows'

export class RowCommits {
  /** Existing views: one for each combination of kinds, because a kind without rows would still cost a temporary table. */
  private readonly views = new Set<string>()
  /** Number of the commit that was started last. */
  private last = 0

  constructor(private readonly connection: Connection) {}

  /** The number of the next commit. A failed one that is retried keeps its own. */
  next(): number {
    return ++this.last
  }

  /**
   * Commits the rows under their number, or adds them to the transaction that the caller began.
   * @param handedOver called as soon as SQLite has them; from then on the next commit may start
   * @param before resolves when the previous commit has ended, if it may not have yet
   * @throws Error with SQLite's message; none of it is in the database then
   */
  async apply({ kinds, values }: Rows, number: number, handedOver?: () => void, before?: Promise<unknown>): Promise<void> {
    const view = `batch_${kinds.map(({ name }) => name).join('_')}`
    if (!this.views.has(view)) await this.prepare(view, kinds)
    const text = `insert into ${view} values (?${', ?'.repeat(kinds.length)}) -- ${number % COMMITS_AT_ONCE}`
    const applied = this.connection.run(text, [number, ...values])
    handedOver?.()
    try {
      await applied
    } catch (error) {
      if (!(error instanceof Error && error.message.includes(OUT_OF_ORDER))) throw error
      await before
      await this.connection.run(text, [number, ...values])
    }
  }

  /** Creates the view and the trigger for these kinds. A busy farm has a few dozen combinations. */
  private async prepare(view: string, kinds: readonly RowStatement[]): Promise<void> {
    const applied = kinds.map(({ name, sql }) => `${sql.replaceAll(':rows', `new.${name}`)};`)
    await this.connection.exec(
      `create temp table if not exists last_commit (id integer primary key, number integer not null);
       insert or ignore into last_commit (id, number) values (1, 0);
       create temp view ${view} as select null as number, ${kinds.map(({ name }) => `null as ${name}`).join(', ')};
       create temp trigger apply_${view} instead of insert on ${view} begin
         select raise(abort, '${OUT_OF_ORDER}') from last_commit where number <> new.number - 1;
         update last_commit set number = new.number;
         ${applied.join('\n')}
       end;`,
    )
    this.views.add(view)
  }
}
