/** Operations of the native API: admin/notifications. */
import { Type } from 'typebox'
import { DeliveryEntry, NotificationTest, NotificationTestResult } from '../../schemas/notify.ts'
import { operation } from '../operation.ts'

export const DeliveriesQuery = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })) })

export const listDeliveries = operation({
  method: 'GET',
  url: '/notifications/deliveries',
  config: { access: 'admin' },
  schema: {
    tags: ['notifications'],
    operationId: 'listDeliveries',
    summary: 'The newest emails and webhooks with their delivery status',
    querystring: DeliveriesQuery,
    response: { 200: Type.Object({ items: Type.Array(DeliveryEntry) }) },
  },
})

export const testNotification = operation({
  method: 'POST',
  url: '/notifications/test',
  config: { access: 'admin', auditBody: false },
  schema: {
    tags: ['notifications'],
    operationId: 'testNotification',
    summary: 'Send a test message now and return the result',
    body: NotificationTest,
    response: { 200: NotificationTestResult },
  },
})
