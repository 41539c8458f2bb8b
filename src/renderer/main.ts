import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { applyAppearance } from './design/appearance.ts'
import './design/base.css'
import { applyLocale, i18n } from './i18n/index.ts'
import { router } from './router.ts'

const app = createApp(App).use(createPinia()).use(i18n).use(router)
applyAppearance()
applyLocale()
app.mount('#app')
