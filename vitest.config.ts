import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: {
    alias: {
      'diffold/laws': fileURLToPath(new URL('src/laws/index.ts', import.meta.url)),
      'diffold/tfjs': fileURLToPath(new URL('src/backend/tfjs/share.ts', import.meta.url)),
      diffold: fileURLToPath(new URL('src/index.ts', import.meta.url)),
    },
  },
  test: {
    include: ['spec/**/*.spec.ts'],
    setupFiles: ['spec/support/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
