/** /notifications: trying out mail and webhooks, and what became of messages. Whom to tell stands in settings and jobs. */
import { Type } from 'typebox'
import { DeliveryEntry, NotificationTest, NotificationTestResult } from '../../../shared/schemas/notify.ts'
import { InvalidInputError } from '../../engine/errors.ts'
import { recentDeliveries } from '../../store/queries/outbox.ts'
import type { ServerContext } from '../context.ts'
import type { NativeApp } from './common.ts'

const tags = ['notifications']
const DeliveriesQuery = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })) })

export function notificationRoutes(app: NativeApp, { read, notifier }: ServerContext): void {
  app.get(
    '/notifications/deliveries',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'listDeliveries',
        summary: 'The newest mails and webhooks, and what became of them',
        querystring: DeliveriesQuery,
        response: { 200: Type.Object({ items: Type.Array(DeliveryEntry) }) },
      },
    },
    async (request) => ({ items: await recentDeliveries(read, request.query.limit ?? 100) }),
  )

  app.post(
    '/notifications/test',
    {
      config: { access: 'admin', auditBody: false },
      schema: {
        tags,
        operationId: 'testNotification',
        summary: 'Send one message now and tell how that went',
        body: NotificationTest,
        response: { 200: NotificationTestResult },
      },
    },
    (request) => {
      const { mail, webhook } = request.body
      if ((mail === undefined) === (webhook === undefined)) throw new InvalidInputError('', 'name either mail or webhook')
      return notifier.test(request.body)
    },
  )
}
