/** What all jobs of this dialect have in common. */
import { Value } from 'typebox/value'
import { Policy } from '../../../../../shared/policy.ts'
import type { NewJobRecord } from '../../../../engine/base/farmRecords.ts'

/** What an executor fails has failed: only its time limits lead to another run (engine/rules/externalTerms.ts). */
export const POLICY: Policy = {
  ...Value.Parse(Policy, Value.Default(Policy, {})),
  failAfterWorkers: 1,
  blockAfterFailures: 0,
  failJobAtPercent: 101,
  touchTimeoutMs: 0,
}

export interface JobFacts {
  name: string
  type: string
  owner: string
  /** `colonies:` and an identity. */
  ownerId: string
  project: string
  /** Milliseconds since the epoch. */
  at: number
}

export function newJobRecord(publicId: string, { name, type, owner, ownerId, project, at }: JobFacts): NewJobRecord {
  return {
    publicId,
    origin: 'colonies',
    owner,
    ownerId,
    adminRights: false,
    submittedWith: '',
    name,
    type,
    project,
    priority: 50,
    policy: POLICY,
    queueOrder: 'task-days',
    initialStatus: 'queued',
    tag: null,
    maxWorkers: null,
    startAfter: null,
    dependsOn: [],
    limits: [],
    checkoutId: null,
    outputDir: null,
    clientId: null,
    createdAt: at,
  }
}
