/** Every view has an address below /app/. Pages other than the jobs page are loaded when first visited. */
import { createRouter, createWebHistory } from 'vue-router'
import JobsPage from './pages/JobsPage.vue'

export const router = createRouter({
  history: createWebHistory('/app/'),
  routes: [
    { path: '/', name: 'dashboard', component: () => import('./pages/DashboardPage.vue') },
    { path: '/jobs/:id?/:tab?', name: 'jobs', component: JobsPage },
    { path: '/submit/:type?', name: 'submit', component: () => import('./pages/SubmitPage.vue') },
    { path: '/workers/:id?', name: 'workers', component: () => import('./pages/WorkersPage.vue') },
    { path: '/schedules', name: 'schedules', component: () => import('./pages/SchedulesPage.vue') },
    { path: '/limits', name: 'limits', component: () => import('./pages/LimitsPage.vue') },
    { path: '/statistics', name: 'statistics', component: () => import('./pages/StatisticsPage.vue') },
    { path: '/settings/:section?', name: 'settings', component: () => import('./pages/SettingsPage.vue') },
    { path: '/welcome', name: 'welcome', component: () => import('./pages/WelcomePage.vue') },
    { path: '/:rest(.*)*', name: 'missing', component: () => import('./pages/NotFoundPage.vue') },
  ],
})
