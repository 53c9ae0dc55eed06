import { defineConfig } from 'vite';

/** Files of the service's own, under names that change with what is in them; nothing inline, for the policy lets nothing be. */
export default defineConfig({
  base: '/operations/',
  publicDir: false,
  build: {
    target: 'es2022',
    assetsDir: 'assets',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssMinify: true,
    reportCompressedSize: false,
    rolldownOptions: {
      checks: { pluginTimings: false },
      // Every module of React's libraries is marked for servers, which there are none of.
      onLog: (level, log, say) => void (log.code === 'MODULE_LEVEL_DIRECTIVE' || say(level, log)),
    },
  },
});
