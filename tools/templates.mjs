/**
 * Compiles `templates/` into `dist/templates`, which every start and every test reads. The compiler is that of the
 * service: it is bundled of `src/` first, so that it needs no build.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLING } from './bundle-options.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Two folders below the root like the modules it is made of. */
const COMPILER = `${root}dist/compiler/built-in-templates.mjs`;

mkdirSync(`${root}dist`, { recursive: true });
await build({
  ...BUNDLING,
  splitting: false,
  sourcemap: false,
  entryPoints: [`${root}src/mail/content/built-in-templates.ts`],
  outfile: COMPILER,
});
const { compileBuiltIn } = await import(COMPILER);
try {
  await compileBuiltIn(`${root}templates`, `${root}dist/templates`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  rmSync(`${root}dist/compiler`, { recursive: true, force: true });
}
