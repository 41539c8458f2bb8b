/** The panels of a job, in the order of their tabs; the first one has no name in the address. Warnings have a tab where there are some. */
export const JOB_TABS = ['story', 'frames', 'preview', 'log', 'timeline', 'graph', 'settings', 'activity', 'why', 'warnings'] as const
export type JobTab = (typeof JOB_TABS)[number]

export function asTab(text: unknown): JobTab {
  return JOB_TABS.find((tab) => tab === text) ?? 'story'
}
