/** The version of this program, from package.json. */
import packageJson from '../../package.json'

export const VERSION: string = packageJson.version
