/** Operations of the native API: admin/sessions. */
import { Whoami, Login, LoginReply, SessionInput, TicketInput, Ticket, PasswordChange } from '../../schemas/account.ts'
import { Nothing } from '../params.ts'
import { operation } from '../operation.ts'

export const whoami = operation({
  method: 'GET',
  url: '/whoami',
  config: { access: 'read' },
  schema: { tags: ['accounts'], operationId: 'whoami', summary: 'The current caller and its rights', response: { 200: Whoami } },
})

export const logIn = operation({
  method: 'POST',
  url: '/login',
  config: { access: 'public', auditBody: false },
  schema: {
    tags: ['accounts'],
    operationId: 'login',
    summary: 'A token for name and password',
    body: Login,
    response: { 200: LoginReply },
  },
})

export const openSession = operation({
  method: 'POST',
  url: '/session',
  config: { access: 'public', auditBody: false },
  schema: {
    tags: ['accounts'],
    operationId: 'openSession',
    summary: 'Log a browser in with a password or a token, stored in a cookie',
    body: SessionInput,
    response: { 200: Whoami },
  },
})

export const closeSession = operation({
  method: 'DELETE',
  url: '/session',
  config: { access: 'public' },
  schema: { tags: ['accounts'], operationId: 'closeSession', summary: 'Log out', response: Nothing },
})

export const createTicket = operation({
  method: 'POST',
  url: '/tickets',
  config: { access: 'read', audit: false },
  schema: {
    tags: ['accounts'],
    operationId: 'createTicket',
    summary: 'A short-lived ticket for the query, where no header can be sent',
    body: TicketInput,
    response: { 200: Ticket },
  },
})

export const changePassword = operation({
  method: 'POST',
  url: '/password',
  config: { access: 'read', auditBody: false },
  schema: {
    tags: ['accounts'],
    operationId: 'changePassword',
    summary: "Change the caller's own password; other sessions end",
    body: PasswordChange,
    response: Nothing,
  },
})
