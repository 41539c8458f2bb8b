/** Paths of the few calls that the shell makes before it has a client. */
import { getAgentFarm } from '../../../shared/operations/agent/agent.ts'
import { getStatus } from '../../../shared/operations/farm/farm.ts'
import { API_BASE, addressOf } from '../../../shared/operations/operation.ts'

export const getAgentFarmPath = API_BASE + addressOf(getAgentFarm)
export const getStatusPath = API_BASE + addressOf(getStatus)
