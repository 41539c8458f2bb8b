const JOB_TYPE = {
  label: 'My Job Type',
  description: 'Says a number for each frame',
  settings: [
    { key: 'frames', type: 'string', required: true, default: '1-10', description: 'Frames, such as "47" or "1-30, 50"' },
    { key: 'chunk_size', type: 'int32', default: 1, propargs: { min: 1 }, description: 'How many frames one task does' },
    { key: 'message', type: 'string', default: 'Hello', description: 'Text to print' },
  ],
}

function compileJob(job) {
  const { frames, chunk_size, message } = job.settings
  for (const chunk of frameChunker(frames, chunk_size)) {
    const task = author.Task(`say ${chunk}`, 'misc')
    task.addCommand(author.Command('echo', { message: `${message} ${chunk}` }))
    job.addTask(task)
  }
}
