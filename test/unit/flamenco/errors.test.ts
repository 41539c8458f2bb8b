import { describe, expect, test } from 'vitest'
import { flamencoError, WireError } from '../../../src/main/dialects/flamenco/errors.ts'
import { HttpError, UnauthenticatedError } from '../../../src/main/http/errors.ts'
import {
  ConflictError,
  InvalidInputError,
  JobTypeChangedError,
  NotAllowedError,
  NotFoundError,
  PreconditionError,
  StaleAttemptError,
  StatusChangeRequestedError,
  TooManyError,
  UnavailableError,
  WorkerNotAwakeError,
} from '../../../src/main/engine/base/errors.ts'
import { MissingFilesError } from '../../../src/main/files/shaman/checkout.ts'
import { ContentMismatchError, UploadAbortedError } from '../../../src/main/files/content/errors.ts'

describe('errors on the wire', () => {
  test.each([
    [new NotFoundError('worker', 'x'), 404],
    [new InvalidInputError('name', 'name is empty'), 400],
    [new ConflictError('no'), 409],
    [new StaleAttemptError('no'), 409],
    [new WorkerNotAwakeError('asleep'), 409],
    [new JobTypeChangedError('no'), 412],
    [new PreconditionError('no'), 412],
    [new NotAllowedError('no'), 403],
    [new UnauthenticatedError('no'), 403],
    [new TooManyError('no'), 429],
    [new UnavailableError('no'), 503],
    [new ContentMismatchError('no'), 417],
    [new UploadAbortedError('no'), 400],
    [new MissingFilesError('no'), 424],
    [new WireError(416, 'no'), 416],
    [new HttpError({ status: 405, code: 'x', message: 'no' }), 405],
    [Object.assign(new Error('no'), { statusCode: 413 }), 413],
    [Object.assign(new Error('no'), { statusCode: 502 }), 500],
    [new Error('a secret of the inside'), 500],
    ['thrown text', 500],
  ])('%s is %d with code and message', (error, status) => {
    const reply = flamencoError(error)
    expect(reply.status).toBe(status)
    expect(reply.body).toMatchObject({ code: status, message: expect.any(String) })
    expect(Object.keys(reply.headers)).not.toContain('www-authenticate')
    expect(JSON.stringify(reply.body)).not.toContain('secret of the inside')
  })

  test('a requested status change is 423 with the status', () => {
    expect(flamencoError(new StatusChangeRequestedError('asleep'))).toEqual({
      status: 423,
      body: { status_requested: 'asleep' },
      headers: {},
    })
  })

  test('the field is named', () => {
    expect(flamencoError(new InvalidInputError('settings/frames', 'not a range')).body).toEqual({
      code: 400,
      message: 'frames: not a range',
      field: 'settings/frames',
    })
    expect(flamencoError(new InvalidInputError('frames', 'frames must be a range')).body).toMatchObject({
      message: 'frames must be a range',
    })
  })

  test('a busy database asks to come back, and limits are stated', () => {
    expect(flamencoError(new UnavailableError('starting')).headers).toEqual({ 'retry-after': '1' })
    expect(flamencoError(Object.assign(new Error(), { statusCode: 413 }), { bodyLimit: 99 }).body).toMatchObject({
      message: 'the body is larger than the limit of 99 bytes',
    })
  })
})
