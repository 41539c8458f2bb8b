/** German: the desktop program looks for a farm, and waits for it. */
export const machine = {
  nearby: {
    title: 'Farmen in diesem Netz',
    none: 'Suche läuft … Eine Farm erscheint hier, sobald dort Verbindungen aus dem Netz zugelassen sind.',
    proof: 'Jeder im Netz kann einen Namen verkünden. Vergleiche den Fingerabdruck mit dem, den die Farm zeigt.',
    own: 'dieses Programm',
    current: 'wird gezeigt',
    impostor: 'nicht die bekannte Farm',
    plain: 'nicht verschlüsselt',
    silent: 'keine Antwort',
    latency: '{ms} ms',
  },
  waiting: {
    machine: '{farm} hat diesen Rechner noch nicht zugelassen',
    signIn: 'Dieser Rechner rendert für {farm}',
    refused: '{farm} hat die Anmeldung abgelehnt',
    hint: 'Wer die Farm verwaltet, antwortet dort unter Rechner; dieser hier heißt {machine}. Das Fenster öffnet sich von selbst.',
    refusedHint: 'Der Rechner {machine} macht weiter, wie die Farm es entschieden hat. Es lässt sich noch einmal fragen.',
    compare: 'Die Farm hat diesen Fingerabdruck bewiesen. Vergleiche ihn mit dem, der dort unter Einstellungen → Netzwerk steht.',
    again: 'Noch einmal fragen',
    token: 'Mit einem Token dieser Farm kannst du dich anmelden.',
  },
}
