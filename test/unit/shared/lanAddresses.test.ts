/** Which addresses of a machine are offered to others, and in which order. */
import { describe, expect, it } from 'vitest'
import { listenerUrls, reachableAddresses, type Interfaces } from '../../../src/shared/lan/addresses.ts'
import { firewallCommands } from '../../../src/shared/lan/firewall.ts'

const v4 = (address: string, internal = false) => ({ address, family: 'IPv4', internal })
const v6 = (address: string, internal = false) => ({ address, family: 'IPv6', internal })

const WORKSTATION: Interfaces = {
  docker0: [v4('172.17.0.1'), v6('fe80::42')],
  'br-0a1b2c3d4e5f': [v4('172.18.0.1')],
  tun0: [v4('10.8.0.2')],
  tailscale0: [v4('100.101.1.2'), v6('fd7a::2')],
  lo: [v4('127.0.0.1', true), v6('::1', true)],
  wlan0: [v6('2001:db8::7'), v6('fe80::1%wlan0'), v4('192.168.1.30')],
  eth0: [v4('192.168.1.20'), v6('fd00::20')],
  usb0: [v4('169.254.3.4')],
  br0: [v4('10.0.0.5')],
}

describe('the addresses of a machine', () => {
  it('come in the order in which others are likely to reach them', () => {
    expect(reachableAddresses(WORKSTATION).map(({ address, kind }) => `${kind} ${address}`)).toEqual([
      'lan 10.0.0.5',
      'lan 192.168.1.20',
      'lan 192.168.1.30',
      'lan 2001:db8::7',
      'lan fd00::20',
      'vpn 10.8.0.2',
      'vpn 100.101.1.2',
      'vpn fd7a::2',
      'containers 172.17.0.1',
      'containers 172.18.0.1',
      'selfAssigned 169.254.3.4',
    ])
  })

  it('never hold a zone', () => {
    expect(JSON.stringify(reachableAddresses(WORKSTATION))).not.toMatch(/fe80|%/)
  })

  it.each([
    [{ address: '*', port: 8443, tls: true }, ['https://10.0.0.5:8443', 'https://192.168.1.20:8443']],
    [{ address: '0.0.0.0', port: 8080, tls: false }, ['http://10.0.0.5:8080', 'http://192.168.1.20:8080']],
    [{ address: 'fd00::20', port: 8080, tls: false }, ['http://[fd00::20]:8080']],
    [{ address: '127.0.0.1', port: 8080, tls: false }, ['http://127.0.0.1:8080']],
  ])('make the URLs of %j', (listener, urls) => {
    expect(listenerUrls(listener, WORKSTATION).slice(0, 2)).toEqual(urls)
  })

  it('are those of loopback on a machine without a network', () => {
    expect(listenerUrls({ address: '*', port: 1, tls: false }, {})).toEqual(['http://127.0.0.1:1'])
  })
})

describe('the firewall', () => {
  it.each(['linux', 'win32', 'darwin'])('of %s is opened for the ports and no others', (platform) => {
    const commands = firewallCommands(platform, [
      { port: 8443, protocol: 'tcp' },
      { port: 5353, protocol: 'udp' },
    ])
    expect(commands.length).toBeGreaterThan(0)
    if (platform === 'darwin') return
    for (const { command } of commands) {
      expect(command).toMatch(/8443/)
      expect(command).toMatch(/5353/)
    }
    expect(firewallCommands(platform, [])).toEqual([])
  })
})
