/** The page as files for any static host: addresses are relative, so that it works in any folder. */
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  resolve: { conditions: ['@mixerzoo/source', 'module', 'browser', 'development|production'] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 1500 },
});
