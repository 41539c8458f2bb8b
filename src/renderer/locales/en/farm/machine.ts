/** English: the desktop program looks for a farm, and waits for it. */
export const machine = {
  nearby: {
    title: 'Farms on this network',
    none: 'Looking… A farm appears here once listening on the network is switched on there.',
    proof: 'Anyone on the network can announce a name. Compare the fingerprint with the one that the farm shows.',
    own: 'this program',
    current: 'shown now',
    impostor: 'not the farm that you know',
    plain: 'not encrypted',
    silent: 'no answer',
    latency: '{ms} ms',
  },
  waiting: {
    machine: '{farm} has not approved this machine yet',
    signIn: 'This machine renders for {farm}',
    refused: '{farm} refused the sign-in',
    hint: 'An admin of the farm answers under Workers, where this machine is called {machine}. This window opens by itself.',
    refusedHint: 'The machine {machine} goes on as the farm decided. You can ask once more.',
    compare: 'The farm proved this fingerprint. Compare it with the one under Settings → Network there.',
    again: 'Ask again',
    token: 'If you have a token of this farm, sign in with it.',
  },
}
