/** How a person lets other machines through this machine's firewall. Pure. */

export interface OpenPort {
  port: number
  protocol: 'tcp' | 'udp'
}

/** @param platform Node's word for the system @returns one entry a tool that the system may have; empty when nothing is to be opened */
export function firewallCommands(platform: string, ports: readonly OpenPort[]): { tool: string; command: string }[] {
  if (ports.length === 0) return []
  if (platform === 'win32') {
    const rule = ({ port, protocol }: OpenPort) =>
      `New-NetFirewallRule -DisplayName "Framehouse ${port}/${protocol}" -Direction Inbound -Action Allow ` +
      `-Protocol ${protocol.toUpperCase()} -LocalPort ${port} -Profile Private,Domain`
    return [{ tool: 'PowerShell (administrator)', command: ports.map(rule).join('; ') }]
  }
  // macOS asks the person at the first connection; the rule goes by program, not by port.
  if (platform === 'darwin') {
    const program = '/Applications/Framehouse.app/Contents/MacOS/Framehouse'
    const tool = '/usr/libexec/ApplicationFirewall/socketfilterfw'
    return [{ tool: 'Terminal', command: `sudo ${tool} --add ${program} && sudo ${tool} --unblockapp ${program}` }]
  }
  return [
    { tool: 'ufw', command: ports.map(({ port, protocol }) => `sudo ufw allow ${port}/${protocol}`).join(' && ') },
    {
      tool: 'firewalld',
      command: `sudo firewall-cmd --permanent ${ports.map(({ port, protocol }) => `--add-port=${port}/${protocol}`).join(' ')} && sudo firewall-cmd --reload`,
    },
  ]
}
