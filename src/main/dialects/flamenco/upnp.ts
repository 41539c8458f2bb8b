/** `/upnp/description.xml`: describes the answering device, for UPnP browsers (§9.3). Workers never fetch it. */
import type { ApiContext } from '../../http/context.ts'
import { FlamencoSettings } from './settings.ts'
import { WireError } from './errors.ts'
import type { TypedApp } from './routeSupport.ts'

/** The same for every Flamenco Manager: workers look for exactly this device. */
const DEVICE_UUID = 'aa80bc5f-d0af-46b8-8630-23bd7e80ec4d'
const SERVICE_TYPE = 'urn:flamenco:manager:0'

export function upnpRoutes(app: TypedApp, { settings }: ApiContext): void {
  app.get('/upnp/description.xml', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) => {
    const { flamencoVersion } = settings.of(FlamencoSettings)
    const { autodiscoverable } = settings.current()
    if (!autodiscoverable) throw new WireError(404, 'this manager is not discoverable')
    return reply.type('application/xml; charset=utf-8').send(description(flamencoVersion))
  })
}

function description(version: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<root xmlns="urn:schemas-upnp-org:device-1-0">
  <specVersion>
    <major>1</major>
    <minor>0</minor>
  </specVersion>
  <URLBase>/</URLBase>
  <device>
    <deviceType>${SERVICE_TYPE}</deviceType>
    <friendlyName>Flamenco ${escapeXml(version)}</friendlyName>
    <manufacturer>Blender</manufacturer>
    <manufacturerURL>https://www.blender.org/</manufacturerURL>
    <modelDescription>Render farm manager that speaks the Flamenco protocol</modelDescription>
    <modelName>Flamenco</modelName>
    <modelURL>https://flamenco.blender.org/</modelURL>
    <UDN>uuid:${DEVICE_UUID}</UDN>
    <serviceList></serviceList>
    <presentationURL>/</presentationURL>
  </device>
</root>
`
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
