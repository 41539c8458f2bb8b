/** Handing a file in. By XMLHttpRequest: `fetch` does not tell how far an upload is. */
import { Value } from 'typebox/value'
import { ApiError } from '../../shared/schemas/common.ts'
import { Upload } from '../../shared/schemas/storage.ts'
import { ApiFailure, url } from './client.ts'

/**
 * @param beside checkout of an earlier upload for the same job
 * @param tell share from 0 to 1
 * @throws ApiFailure; with the code `aborted` when the signal ended it
 */
export function uploadFile(file: File, beside: string | undefined, tell: (share: number) => void, signal: AbortSignal): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', url('/uploads', { name: file.name, beside }))
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.upload.onprogress = (event) => event.lengthComputable && tell(event.loaded / event.total)
    request.onload = () => {
      const body: unknown = parse(request.responseText)
      if (request.status === 201 && Value.Check(Upload, body)) resolve(body)
      else if (Value.Check(ApiError, body)) reject(new ApiFailure(request.status, body.code, body.message, body.field))
      else reject(new ApiFailure(request.status, 'http', `${request.status} ${request.statusText}`))
    }
    request.onerror = () => reject(new ApiFailure(0, 'unreachable', 'the connection broke off'))
    request.onabort = () => reject(new ApiFailure(0, 'aborted', 'aborted'))
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(file)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
