import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import type { JobTypeInfo } from '../../shared/schemas/jobs/jobType.ts'
import { listJobTypes } from '../../shared/operations/jobs/jobTypes.ts'
import { call } from '../api/client.ts'

export const useJobTypes = defineStore('jobTypes', () => {
  const list = shallowRef<readonly JobTypeInfo[]>([])
  const broken = shallowRef<readonly { file: string; message: string }[]>([])
  const loaded = ref(false)
  async function refresh(): Promise<void> {
    const reply = await call(listJobTypes)
    list.value = reply.items.toSorted((a, b) => a.label.localeCompare(b.label))
    broken.value = reply.broken
    loaded.value = true
  }
  return { list, broken, loaded, refresh }
})
