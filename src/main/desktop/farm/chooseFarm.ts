/** What a person chose in the window, checked: the farm that it means, and the token that goes there. */
import type { FarmCheck, ShellRequest } from '../../../shared/ipc.ts'
import type { Logger } from '../../../shared/logger.ts'
import { HERE, newSignInToken, type FarmChoice } from './farmChoice.ts'
import { meetFarm, type MetFarm } from './meetFarm.ts'

export interface Chosen {
  check: FarmCheck
  /** What to move to; undefined: the check failed. */
  next: FarmChoice | undefined
  /** Join code or path of a join file, for the worker; empty: none. */
  invitation: string
}

/** @param now the choice until now: its token goes to the same farm again, and to no other */
export async function chooseFarm(request: ShellRequest<'shell:use-farm'>, now: FarmChoice, log: Logger): Promise<Chosen> {
  const { mode, farm: typed } = request
  if (mode === 'here') return { check: { state: 'ok', message: '', name: '', managerUrl: '' }, next: HERE, invitation: '' }
  // A stored token is not tried: a sign-in that still waits for its answer would be refused.
  const { check, farm, isInvitation } = await meetFarm({ typed, authority: request.authority, token: request.token ?? '', log })
  if (!farm) return { check, next: undefined, invitation: '' }
  const token = request.token ?? (isSame(farm, now) ? now.token : '')
  const next: FarmChoice = {
    mode,
    managerUrl: farm.managerUrl,
    authority: farm.authority,
    farmId: farm.farmId,
    farmName: farm.name,
    // A machine that renders for a farm may show it, too, if the approver there wants so.
    token: token || (mode === 'work' ? newSignInToken() : ''),
  }
  return { check, next, invitation: isInvitation && mode === 'work' ? typed.trim() : '' }
}

function isSame(farm: MetFarm, now: FarmChoice): boolean {
  if (farm.authority !== '' || now.authority !== '') return farm.authority === now.authority
  return farm.managerUrl === now.managerUrl
}
