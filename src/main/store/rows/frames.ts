/** Frames: statements that store them. */
import type { NewFrame } from '../../engine/base/farmRecords.ts'
import type { RowStatement } from './rowCommits.ts'

/**
 * A frame that another attempt rendered again has no preview until the new one arrives: the old one does not show the
 * current file. Without a pixel check its facts are reset; those of a kept frame stay.
 */
const OR_UPDATE = `where true
        on conflict (job_id, path) do update set task_id = excluded.task_id, attempt_id = excluded.attempt_id, frame = excluded.frame,
          bytes = coalesce(excluded.bytes, bytes), width = coalesce(excluded.width, width), height = coalesce(excluded.height, height),
          rendered_ms = coalesce(excluded.rendered_ms, rendered_ms), created_at = excluded.created_at, check_state = excluded.check_state,
          check_reason = excluded.check_reason, kept = excluded.kept, side = excluded.side, view = excluded.view, sha256 = excluded.sha256,
          modified_at = excluded.modified_at,
          flat = iif(excluded.kept, coalesce(excluded.flat, flat), excluded.flat),
          same_as_before = iif(excluded.kept, coalesce(excluded.same_as_before, same_as_before), excluded.same_as_before),
          preview = iif(attempt_id = excluded.attempt_id, preview, 'none'), light = iif(attempt_id = excluded.attempt_id, light, 0),
          preview_problem = iif(attempt_id = excluded.attempt_id, preview_problem, '')`

/** All that is known of frames. */
export const ADD_FRAMES: RowStatement = {
  name: 'frames',
  sql: `insert into frames (job_id, task_id, attempt_id, frame, path, bytes, width, height, rendered_ms, created_at, check_state, check_reason, kept,
          side, view, sha256, modified_at, flat, same_as_before)
        select v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9, v->>10, v->>11, v->>12, v->>13, v->>14, v->>15, v->>16,
          v->>17, v->>18
        from (select value as v from jsonb_each(:rows)) ${OR_UPDATE}`,
}

/**
 * Frames of which nothing is known but that a worker reported them. Where no machine sees a foreign worker's files, each task writes such
 * rows: a value less costs less.
 */
export const ADD_UNSEEN_FRAMES: RowStatement = {
  name: 'unseenFrames',
  sql: `insert into frames (job_id, task_id, attempt_id, frame, path, created_at, check_state, check_reason, kept)
        select v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8 from (select value as v from jsonb_each(:rows)) ${OR_UPDATE}`,
}

/** Whether ADD_UNSEEN_FRAMES writes all that is known of the frame. */
export function isUnseen(frame: NewFrame): boolean {
  const { check, bytes, width, height, renderedMs, side, view, sha256, modifiedAt, facts, sameAsBefore } = frame
  if (check !== 'unchecked' || bytes !== null || width !== null || height !== null || renderedMs !== null) return false
  return !side && !view && sha256 === undefined && modifiedAt === undefined && !facts && sameAsBefore === undefined
}

/** The values of ADD_UNSEEN_FRAMES. */
export function unseenFrameRow(jobId: number, taskId: number, attemptId: number, frame: NewFrame, at: number): (string | number | null)[] {
  const { path, check = null, checkReason = '', kept = false } = frame
  return [jobId, taskId, attemptId, frame.frame, path, at, check, checkReason, Number(kept)]
}

/** The values of ADD_FRAMES. */
export function newFrameRow(jobId: number, taskId: number, attemptId: number, frame: NewFrame, at: number): (string | number | null)[] {
  return [
    jobId,
    taskId,
    attemptId,
    frame.frame,
    frame.path,
    frame.bytes,
    frame.width,
    frame.height,
    frame.renderedMs,
    at,
    frame.check ?? null,
    frame.checkReason ?? '',
    Number(frame.kept ?? false),
    Number(frame.side ?? false),
    frame.view ?? '',
    frame.sha256 ?? null,
    frame.modifiedAt ?? null,
    frame.facts ? Number(frame.facts.oneColour) + Number(frame.facts.allBlack) : null,
    frame.sameAsBefore === undefined ? null : Number(frame.sameAsBefore),
  ]
}
