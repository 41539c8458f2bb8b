import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './app/App.vue'
import { applyAppearance } from './ui/design/appearance.ts'
import './ui/design/base.css'
import 'virtual:uno.css'
import { applyLocale, i18n } from './locales/index.ts'
import { router } from './app/router.ts'

const app = createApp(App).use(createPinia()).use(i18n).use(router)
applyAppearance()
applyLocale()
app.mount('#app')
