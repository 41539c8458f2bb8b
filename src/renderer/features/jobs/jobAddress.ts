/** Addresses on the jobs page. Navigating within a job, or to another one, keeps the filters of the list beside it. */
import type { Ref } from 'vue'
import { useRoute, type LocationQuery, type LocationQueryValue, type RouteLocationRaw } from 'vue-router'
import type { JobTab } from './jobTabs.ts'

const LIST_KEYS = ['q', 'status', 'type', 'project', 'owner', 'sort', 'deleted', 'group'] as const

/** The first of the values that an address has for a key; '' without one. */
export function firstValue(value: LocationQueryValue | LocationQueryValue[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

/** What an address says about the list: filters, order and grouping, without what belongs to the panel of a job. */
export function listQuery(query: LocationQuery): Record<string, string> {
  return Object.fromEntries(LIST_KEYS.map((key) => [key, firstValue(query[key])]).filter(([, value]) => value !== ''))
}

/** Makes addresses of panels of job `id`; `own` is what the panel itself is asked for, e.g. the task of a log. */
export function useJobAddress(id: Readonly<Ref<string>>): (tab: JobTab, own?: Record<string, string>) => RouteLocationRaw {
  const route = useRoute()
  return (tab, own = {}) => ({
    path: tab === 'story' ? `/jobs/${id.value}` : `/jobs/${id.value}/${tab}`,
    query: { ...listQuery(route.query), ...own },
  })
}
