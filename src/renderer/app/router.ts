/** Every view has an address below /app/. Pages other than the jobs page are loaded when first visited. */
import { createRouter, createWebHistory } from 'vue-router'
import JobsPage from '../features/jobs/JobsPage.vue'

export const router = createRouter({
  history: createWebHistory('/app/'),
  routes: [
    { path: '/', name: 'dashboard', component: () => import('../features/dashboard/DashboardPage.vue') },
    { path: '/jobs/:id?/:tab?', name: 'jobs', component: JobsPage },
    { path: '/submit/:type?', name: 'submit', component: () => import('../features/submit/SubmitPage.vue') },
    { path: '/workers/:id?', name: 'workers', component: () => import('../features/workers/WorkersPage.vue') },
    { path: '/schedules', name: 'schedules', component: () => import('../features/schedules/SchedulesPage.vue') },
    { path: '/limits', name: 'limits', component: () => import('../features/limits/LimitsPage.vue') },
    { path: '/actors', name: 'actors', component: () => import('../features/actors/ActorsPage.vue') },
    { path: '/actors/:id', name: 'actor', props: true, component: () => import('../features/actors/ActorPage.vue') },
    { path: '/colonies', name: 'colonies', component: () => import('../features/colonies/ColoniesPage.vue') },
    { path: '/colonies/:name/:tab?', name: 'colony', props: true, component: () => import('../features/colonies/ColonyPage.vue') },
    { path: '/statistics', name: 'statistics', component: () => import('../features/statistics/StatisticsPage.vue') },
    { path: '/settings/:section?', name: 'settings', component: () => import('../features/settings/SettingsPage.vue') },
    { path: '/choose', name: 'choose', component: () => import('../features/machine/ChoosePage.vue') },
    { path: '/welcome', name: 'welcome', component: () => import('../features/welcome/WelcomePage.vue') },
    { path: '/:rest(.*)*', name: 'missing', component: () => import('./NotFoundPage.vue') },
  ],
})
