/** German: the dashboard. */
export const dashboard = {
  dashboard: {
    title: 'Übersicht',
    attention: 'Braucht Aufmerksamkeit',
    calm: 'Alles in Ordnung.',
    running: 'Läuft und folgt',
    nothingRunning: 'Nichts läuft.',
    wall: 'Neueste Bilder',
    utilisation: 'Bilder je Stunde',
    busy: 'Rechner beschäftigt',
    workers: 'Rechner',
    busyOf: '{busy} von {total} beschäftigt',
    nextDone: 'Als Nächstes fertig',
    framesHour: 'Bilder in der letzten Stunde | Bild in der letzten Stunde | Bilder in der letzten Stunde',
    setUp: 'Farm einrichten',
    firstRender: 'Vorführung rechnen',
    firstRenderHint: 'Ein kleiner Film, der weder Blender noch Docker braucht. Er zeigt in einer Minute, dass die Farm geht.',
    addWorker: 'Rechner hinzufügen',
    queued: 'Aufgaben eingereiht | Aufgabe eingereiht | Aufgaben eingereiht',
    activeJobs: 'Aufträge laufen | Auftrag läuft | Aufträge laufen',
  },
}
