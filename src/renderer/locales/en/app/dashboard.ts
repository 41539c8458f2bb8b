/** English: the dashboard. */
export const dashboard = {
  dashboard: {
    title: 'Dashboard',
    attention: 'Needs attention',
    calm: 'All clear.',
    running: 'Running and next',
    nothingRunning: 'Nothing is running.',
    wall: 'Newest frames',
    utilisation: 'Frames per hour',
    busy: 'Workers busy',
    workers: 'Workers',
    busyOf: '{busy} of {total} busy',
    nextDone: 'Next done',
    framesHour: 'frames in the last hour | frame in the last hour | frames in the last hour',
    setUp: 'Set this farm up',
    firstRender: 'Run the demo render',
    firstRenderHint: 'A small animation that needs neither Blender nor Docker. It takes about a minute and shows that the farm works.',
    addWorker: 'Add a worker',
    queued: 'tasks queued | task queued | tasks queued',
    activeJobs: 'jobs running | job running | jobs running',
  },
}
