/** The look of naive-ui's components, made from our tokens so that nothing on the page looks like a library's default. */
import {
  buttonDark, checkboxDark, commonDark, createTheme, datePickerDark, dropdownDark, inputDark, inputNumberDark, modalDark, popoverDark, radioDark, selectDark,
  sliderDark, switchDark, type GlobalTheme, type GlobalThemeOverrides,
} from 'naive-ui'
import { FONT_FACTS, FONT_TEXT, type Palette } from './tokens.ts'

/** Of the components that are used: the theme of all of them would be a third of what the first page loads. */
const dark = createTheme([
  buttonDark, checkboxDark, datePickerDark, dropdownDark, inputDark, inputNumberDark, modalDark, popoverDark, radioDark, selectDark, sliderDark, switchDark,
])

export function naiveBase(isDark: boolean): GlobalTheme | null {
  return isDark ? { ...dark, common: commonDark } : null
}

export function naiveOverrides(p: Palette): GlobalThemeOverrides {
  return {
    common: {
      fontFamily: FONT_TEXT,
      fontFamilyMono: FONT_FACTS,
      fontSize: '13px',
      fontSizeTiny: '12px',
      fontSizeSmall: '13px',
      fontSizeMedium: '13px',
      lineHeight: '1.45',
      borderRadius: '3px',
      borderRadiusSmall: '2px',
      heightTiny: '20px',
      heightSmall: '24px',
      heightMedium: '28px',
      heightLarge: '32px',
      primaryColor: p.accent,
      primaryColorHover: p.accent,
      primaryColorPressed: p.accent,
      primaryColorSuppl: p.accent,
      infoColor: p.states.queued.ink,
      successColor: p.states.done.ink,
      warningColor: p.states.running.ink,
      errorColor: p.states.failed.ink,
      bodyColor: p.ground,
      cardColor: p.panel,
      modalColor: p.panel,
      popoverColor: p.raised,
      tableColor: p.panel,
      inputColor: p.raised,
      hoverColor: p.hover,
      borderColor: p.line,
      dividerColor: p.line,
      textColorBase: p.ink,
      textColor1: p.ink,
      textColor2: p.ink,
      textColor3: p.inkSoft,
      placeholderColor: p.inkFaint,
      boxShadow1: p.shadow,
      boxShadow2: p.shadow,
      boxShadow3: p.shadow,
    },
    Button: {
      fontWeight: '500',
      paddingSmall: '0 8px',
      paddingMedium: '0 12px',
      textColorPrimary: p.accentInk,
      textColorHoverPrimary: p.accentInk,
      textColorPressedPrimary: p.accentInk,
      textColorFocusPrimary: p.accentInk,
      border: `1px solid ${p.line}`,
      borderHover: `1px solid ${p.lineStrong}`,
      borderPressed: `1px solid ${p.lineStrong}`,
      borderFocus: `1px solid ${p.lineStrong}`,
      textColorHover: p.ink,
      textColorPressed: p.ink,
      textColorFocus: p.ink,
      color: p.raised,
      colorHover: p.hover,
      colorPressed: p.hover,
      colorFocus: p.raised,
      rippleDuration: '0s',
    },
    Input: { border: `1px solid ${p.line}`, borderHover: `1px solid ${p.lineStrong}`, color: p.raised, colorFocus: p.raised },
    InternalSelection: { border: `1px solid ${p.line}`, borderHover: `1px solid ${p.lineStrong}`, color: p.raised, colorActive: p.raised },
    Dropdown: { optionHeightMedium: '28px', color: p.raised, optionColorHover: p.hover, dividerColor: p.line },
    Tooltip: { color: p.raised, textColor: p.ink, padding: '4px 8px' },
    Dialog: { color: p.panel, borderRadius: '4px' },
    Message: { color: p.raised, textColor: p.ink },
    Switch: { railColor: p.lineStrong },
    Slider: { fillColor: p.accent, fillColorHover: p.accent, handleSize: '12px', railHeight: '3px' },
  }
}
