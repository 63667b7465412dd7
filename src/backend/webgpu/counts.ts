/** What a device has been asked to do since it was started, for specs and for those who wonder. */
export type Counts = {
  dispatches: number
  submits: number
  /** Writes from the host, and their bytes. */
  writes: number
  bytesWritten: number
  /** Values read by the host, and their bytes. */
  reads: number
  bytesRead: number
  /** Buffers and bind groups made. */
  buffers: number
  bindGroups: number
  pipelines: number
}

/** Nothing yet. */
export const noCounts = (): Counts => ({
  dispatches: 0,
  submits: 0,
  writes: 0,
  bytesWritten: 0,
  reads: 0,
  bytesRead: 0,
  buffers: 0,
  bindGroups: 0,
  pipelines: 0,
})
