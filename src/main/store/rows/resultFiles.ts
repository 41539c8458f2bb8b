/** Results that workers send home: statements that store them. */
import type { RowStatement } from './rowCommits.ts'

/** A file that an attempt is about to send. One of the same attempt that is here already stays; one of an earlier attempt is awaited again. */
export const ANNOUNCE_RESULT_FILES: RowStatement = {
  name: 'announced',
  sql: `insert into result_files (job_id, path, bytes, task_id, attempt_id)
        select v->>0, v->>1, v->>2, v->>3, v->>4 from (select value as v from jsonb_each(:rows)) where true
        on conflict (job_id, path) do update set bytes = excluded.bytes, sha256 = null, task_id = excluded.task_id,
          attempt_id = excluded.attempt_id, seq = null, received_at = null
        where attempt_id < excluded.attempt_id`,
}

/**
 * Files that are home, as JSON arrays of [job, path, bytes, hash, task, attempt, time]: `?1`. Later attempts win over earlier ones.
 */
export const ADD_RESULT_FILES = `insert into result_files (job_id, path, bytes, sha256, task_id, attempt_id, received_at, seq)
  select v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, (select coalesce(max(seq), 0) from result_files where job_id = v->>0) + 1 + key
  from (select value as v, key from json_each(?1)) where true
  on conflict (job_id, path) do update set bytes = excluded.bytes, sha256 = excluded.sha256, task_id = excluded.task_id,
    attempt_id = excluded.attempt_id, received_at = excluded.received_at, seq = excluded.seq
  where attempt_id <= excluded.attempt_id`
