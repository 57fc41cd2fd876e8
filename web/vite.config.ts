import { defineConfig } from 'vitest/config';

// The build is committed and compared in CI, so it must depend on nothing but the source: names come from
// content hashes, and nothing carries a time or a path.
export default defineConfig({
  root: 'app',
  base: '/',
  publicDir: false,
  appType: 'mpa',
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    // The pages' Content-Security-Policy allows files of their own origin only: no data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What is bundled is Apache-2.0 and MIT code whose licences ask to travel with it.
    license: { fileName: 'assets/licenses.md' },
    // hls.js is larger than the warning's limit on its own; it is loaded only when HLS is chosen.
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      input: ['app/index.html', 'app/studio.html', 'app/watch.html', 'app/generator.html'],
    },
  },
  worker: { format: 'es' },
  test: {
    dir: '.',
    include: ['sdk/**/*.test.ts', 'app/**/*.test.ts'],
    environment: 'node',
  },
});
