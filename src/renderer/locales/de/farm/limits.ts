/** German: limits. */
export const limits = {
  limits: {
    heldBy: 'Wer {name} jetzt hält',
    title: 'Grenzen',
    empty: 'Keine Grenzen',
    emptyHint: 'Eine Grenze zählt Lizenzen oder anderes, das nur wenige Aufgaben zugleich benutzen dürfen.',
    create: 'Grenze anlegen',
    name: 'Name',
    max: 'Höchstens',
    inUse: 'Benutzt',
    units: 'Anzahl',
    scope: 'Gezählt',
    attempt: 'je laufender Aufgabe',
    machine: 'je Gerät',
    preset: 'Nuke-Lizenzen',
    confirmDelete: 'Grenze {name} löschen?',
    edit: 'Grenze ändern',
    full: 'alle benutzt',
  },
}
