/** English: limits. */
export const limits = {
  limits: {
    title: 'Limits',
    empty: 'No limits',
    emptyHint: 'A limit caps how many running tasks share a resource, such as floating licenses.',
    create: 'Create a limit',
    name: 'Name',
    max: 'At most',
    inUse: 'In use',
    units: 'Units',
    scope: 'Counted',
    attempt: 'per running task',
    machine: 'per machine',
    preset: 'Nuke render licenses',
    confirmDelete: 'Delete limit {name}?',
    edit: 'Edit limit',
    full: 'all in use',
    heldBy: 'Current use of {name}',
  },
}
