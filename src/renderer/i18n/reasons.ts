/**
 * The scheduler's rules (engine/explainer.ts) in other languages than the manager's English. Its own words may say more,
 * such as a limit's name: the page keeps them within reach. A rule without words here is told in English.
 */
import type { WaitReason } from '../../shared/schemas/job.ts'

interface Words {
  /** `n` workers that the rule keeps out. */
  says(n: number): string
  advice: string
}

const workers = (n: number, one: string, many: string) => `${n} Rechner ${n === 1 ? one : many}`

const GERMAN: Readonly<Record<string, Words>> = {
  'task-status': { says: () => 'Die Aufgabe wartet nicht', advice: 'nichts, oder die Aufgabe neu anstellen' },
  'job-status': { says: () => 'Der Auftrag ruht oder ist zu Ende', advice: 'den Auftrag fortsetzen oder neu anstellen' },
  'job-deleted': { says: () => 'Der Auftrag ist gelöscht', advice: 'den Auftrag zurückholen' },
  'start-after': { says: () => 'Der Auftrag darf noch nicht beginnen', advice: 'warten, oder die Zeit des Beginns ändern' },
  'job-dependency': {
    says: () => 'Aufträge, von denen er abhängt, sind nicht fertig',
    advice: 'warten, oder neu anstellen, was gescheitert ist',
  },
  dependency: {
    says: () => 'Aufgaben, von denen sie abhängt, sind nicht fertig',
    advice: 'warten, oder neu anstellen, was gescheitert ist',
  },
  limit: { says: () => 'Von einer Grenze ist nichts frei', advice: 'warten, bis etwas frei wird, oder die Grenze heben' },
  lane: { says: () => 'Die Spur ist voll', advice: 'auf die Aufgaben davor warten' },
  'lane-order': {
    says: () => 'Die Spur geht der Reihe nach, und eine ältere Aufgabe ist nicht fertig',
    advice: 'auf sie warten, oder sie abbrechen',
  },
  busy: { says: () => 'Viele seiner Aufgaben werden gerade geändert', advice: 'einen Augenblick warten' },
  'retry-delay': { says: () => 'Der nächste Versuch kommt später', advice: 'warten, oder neu anstellen, um es gleich zu versuchen' },
  held: { says: () => 'Ein Rechner hat sie als nächste', advice: 'nichts: Sie beginnt, sobald einer frei ist' },
  kind: {
    says: (n) => workers(n, 'kann diese Art Aufgaben nicht', 'können diese Art Aufgaben nicht'),
    advice: 'das Programm auf einem Rechner einrichten, oder die Art in seiner Konfiguration erlauben',
  },
  tag: {
    says: (n) => workers(n, 'hat die Marke nicht', 'haben die Marke nicht'),
    advice: 'einem Rechner die Marke geben, oder sie vom Auftrag nehmen',
  },
  blocked: {
    says: (n) => workers(n, 'ist für diesen Auftrag gesperrt', 'sind für diesen Auftrag gesperrt'),
    advice: 'den Rechner von der Sperrliste nehmen',
  },
  'failed-before': {
    says: (n) => workers(n, 'ist an dieser Aufgabe schon gescheitert', 'sind an dieser Aufgabe schon gescheitert'),
    advice: 'neu anstellen, damit sie es noch einmal versuchen, oder einen Rechner hinzunehmen',
  },
  'kept-off': {
    says: (n) => workers(n, 'wird von ihr ferngehalten: Sie soll anderswo laufen', 'werden von ihr ferngehalten: Sie soll anderswo laufen'),
    advice: 'auf einen anderen Rechner warten, oder für alle neu anstellen',
  },
  avoid: { says: (n) => workers(n, 'hat sie gerade verloren', 'haben sie gerade verloren'), advice: 'bis zu einer Minute warten' },
  'max-workers': {
    says: (n) =>
      workers(n, 'wartet, denn die Höchstzahl des Auftrags ist erreicht', 'warten, denn die Höchstzahl des Auftrags ist erreicht'),
    advice: 'die Höchstzahl des Auftrags heben',
  },
  'machine-limit': {
    says: (n) => workers(n, 'ist auf einem Gerät ohne Lizenz', 'sind auf Geräten ohne Lizenz'),
    advice: 'warten, oder die Grenze heben',
  },
  'not-approved': {
    says: (n) => workers(n, 'wartet auf Zulassung', 'warten auf Zulassung'),
    advice: 'auf der Seite der Rechner zulassen, wer wartet',
  },
  'not-awake': { says: (n) => workers(n, 'ist nicht wach', 'sind nicht wach'), advice: 'wecken, oder das Programm starten' },
  'status-requested': {
    says: (n) => workers(n, 'ändert gleich den Zustand', 'ändern gleich den Zustand'),
    advice: 'warten, oder die Bitte zurücknehmen',
  },
  'no-free-slot': { says: (n) => workers(n, 'ist beschäftigt', 'sind beschäftigt'), advice: 'warten, bis sie fertig sind' },
}

/** What a page in `locale` says of a reason: the manager's words in English, else those of the rule. */
export function reasonWords(
  reason: Pick<WaitReason, 'rule' | 'message' | 'advice' | 'workersExcluded'>,
  locale: string,
): { message: string; advice: string } {
  const words = locale === 'de' ? GERMAN[reason.rule] : undefined
  return words ? { message: words.says(reason.workersExcluded), advice: words.advice } : { message: reason.message, advice: reason.advice }
}
