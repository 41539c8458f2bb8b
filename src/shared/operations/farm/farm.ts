/** Operations of the native API: farm/farm. */
import { Type } from 'typebox'
import { Status, Overview, StatisticsQuery, Statistics, AuditQuery, AuditPage } from '../../schemas/farm.ts'
import { operation } from '../operation.ts'

export const getVersion = operation({
  method: 'GET',
  url: '/version',
  config: { access: 'public' },
  schema: {
    tags: ['farm'],
    operationId: 'getVersion',
    summary: 'Name and version of this manager',
    response: { 200: Type.Object({ name: Type.String(), version: Type.String() }) },
  },
})

export const getStatus = operation({
  method: 'GET',
  url: '/status',
  config: { access: 'read' },
  schema: { tags: ['farm'], operationId: 'getStatus', summary: 'Status of the farm', response: { 200: Status } },
})

export const getOverview = operation({
  method: 'GET',
  url: '/overview',
  config: { access: 'read' },
  schema: { tags: ['farm'], operationId: 'getOverview', summary: 'Data for a dashboard in one call', response: { 200: Overview } },
})

export const getStatistics = operation({
  method: 'GET',
  url: '/statistics',
  config: { access: 'read' },
  schema: {
    tags: ['farm'],
    operationId: 'getStatistics',
    summary: 'Frames, failures by cause, time, cost and energy',
    querystring: StatisticsQuery,
    response: { 200: Statistics },
  },
})

export const listAudit = operation({
  method: 'GET',
  url: '/audit',
  config: { access: 'admin' },
  schema: {
    tags: ['farm'],
    operationId: 'listAudit',
    summary: 'Who changed what, newest first',
    querystring: AuditQuery,
    response: { 200: AuditPage },
  },
})
