/** /notifications: test messages, and the delivery status of email and webhooks. Settings and jobs define the recipients. */
import { listDeliveries, testNotification } from '../../../../shared/operations/admin/notifications.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import { recentDeliveries } from '../../../store/queries/farm/outbox.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { NativeApp } from '../common.ts'

export function notificationRoutes(app: NativeApp, { read, notifier }: ServerContext): void {
  app.route({ ...listDeliveries, handler: async (request) => ({ items: await recentDeliveries(read, request.query.limit ?? 100) }) })

  app.route({
    ...testNotification,
    handler: (request) => {
      const { mail, webhook } = request.body
      if ((mail === undefined) === (webhook === undefined)) throw new InvalidInputError('', 'specify either mail or webhook')
      return notifier.test(request.body)
    },
  })
}
