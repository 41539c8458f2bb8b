/** The texts of naive-ui's components in each language. Beside languages.ts, which tests without a browser's types import too. */
import { deDE, enUS, type NLocale } from 'naive-ui'
import type { Locale } from './languages.ts'

export const COMPONENT_TEXTS: Readonly<Record<Locale, NLocale>> = { en: enUS, de: deDE }
