/** The faults of a farm in German. */
import type { FaultWords } from '../language.ts'

export const faults: FaultWords = {
  'disk-full': {
    message:
      'Die Platte mit dem Datenordner ist voll: Neues wird nicht angenommen und nicht begonnen, was läuft, wird noch aufgeschrieben.',
    remedy:
      'Platz schaffen oder die Platte vergrößern. Ein paar Sekunden später geht es von selbst weiter; nichts muss neu gestartet werden.',
  },
  'disk-low': {
    message: 'Die Platte mit dem Datenordner ist fast voll.',
    remedy: 'Platz schaffen, bevor sie voll ist: alte Aufträge, Sicherungen und hochgeladene Dateien zuerst.',
  },
  'data-lost': {
    message: 'Die Dateien der Farm sind unter dem laufenden Manager verschwunden oder vertauscht worden: Es wird nichts mehr angenommen.',
    remedy: 'Den Manager anhalten und die Dateien zurücklegen oder auf eine Sicherung zurückgehen.',
  },
  'database-damaged': {
    message: 'Die Datenbank der Farm ist beschädigt.',
    remedy: 'Den Manager anhalten, bevor der Schaden größer wird, und auf eine Sicherung zurückgehen.',
  },
  'database-failed': {
    message: 'Die Datenbank der Farm lässt sich nicht schreiben: Es wird nichts mehr angenommen.',
    remedy: 'Die Platte prüfen und den Manager neu starten, falls das kein Dienst von selbst tut.',
  },
  'worker-cloned': {
    message: 'Ein Rechner läuft zweimal mit demselben Datenordner: Die Kopie wurde abgewiesen.',
    remedy:
      'Die Kopie meldet sich als eigener Rechner an und wartet auf Freigabe. Der Datenordner gehört nicht in das Abbild einer Maschine.',
  },
  'logs-damaged': {
    message: 'Protokolle von Aufgaben sind beschädigt.',
    remedy: 'Nur diese Protokolle sind betroffen, nicht Aufträge und Bilder. Die Platte prüfen.',
  },
}
