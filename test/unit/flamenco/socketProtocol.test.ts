import { describe, expect, test } from 'vitest'
import {
  ackFrame,
  eventFrame,
  openingFrames,
  parseFrame,
  pongFrame,
  readSubscription,
} from '../../../src/main/dialects/flamenco/socketio/protocol.ts'

const uuid = 'D0B2CAE7-1C3D-4E5F-8A9B-0C1D2E3F4A5B'

describe('frames of a client', () => {
  test.each([
    ['2', { kind: 'ping', data: '' }],
    ['2probe', { kind: 'ping', data: 'probe' }],
    ['1', { kind: 'close' }],
    ['41', { kind: 'close' }],
    ['42["/subscription",{"op":"subscribe"}]', { kind: 'event', name: '/subscription', argument: { op: 'subscribe' }, ack: undefined }],
    ['4217["/subscription",{}]', { kind: 'event', name: '/subscription', argument: {}, ack: 17 }],
    ['42["x"]', { kind: 'event', name: 'x', argument: undefined, ack: undefined }],
    ['42[', { kind: 'other' }],
    ['42[}]', { kind: 'other' }],
    ['42[1,2]', { kind: 'other' }],
    ['42/admin,["x"]', { kind: 'other' }],
    ['', { kind: 'other' }],
    ['451-["binary"]', { kind: 'other' }],
  ])('%s', (text, frame) => expect(parseFrame(text)).toEqual(frame))
})

test('frames of the server', () => {
  expect(openingFrames('abc')).toEqual(['0{"sid":"abc","upgrades":[],"pingInterval":30000,"pingTimeout":60000}', '40'])
  expect(pongFrame('probe')).toBe('3probe')
  expect(eventFrame('/jobs', '{"id":"1"}')).toBe('42["/jobs",{"id":"1"}]')
  expect(ackFrame(7, 'ok')).toBe('437["ok"]')
})

describe('subscriptions', () => {
  const id = uuid.toLowerCase()
  test.each([
    [
      { op: 'subscribe', type: 'allJobs' },
      { join: true, rooms: ['/jobs'] },
    ],
    [
      { op: 'unsubscribe', type: 'allWorkers' },
      { join: false, rooms: ['/workers'] },
    ],
    [
      { op: 'subscribe', type: 'allLastRendered' },
      { join: true, rooms: ['/last-rendered'] },
    ],
    [
      { op: 'subscribe', type: 'allWorkerTags' },
      { join: true, rooms: ['/workertags'] },
    ],
    [
      { op: 'subscribe', type: 'job', uuid },
      { join: true, rooms: [`/jobs/${id}`, `/jobs/${id}/last-rendered`] },
    ],
    [
      { op: 'subscribe', type: 'tasklog', uuid },
      { join: true, rooms: [`/tasklog/${id}`] },
    ],
    [{ op: 'subscribe', type: 'job' }, { problem: 'operation on job requires a UUID' }],
    [{ op: 'subscribe', type: 'tasklog', uuid: '' }, { problem: 'operation on task requires a UUID' }],
    [{ op: 'subscribe', type: 'job', uuid: 'x' }, { problem: 'invalid UUID, ignoring request' }],
    [{ op: 'subscribe', type: 'cats' }, { problem: 'unknown subscription type, ignoring request' }],
    [{ op: 'explode', type: 'allJobs' }, { problem: 'unable to perform subscription operation: unknown operation "explode"' }],
    [null, { problem: 'unable to perform subscription operation: unknown operation null' }],
  ])('%j', (argument, wanted) => expect(readSubscription(argument)).toEqual(wanted))
})
