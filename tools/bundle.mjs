/**
 * The last step of `npm run build`: `dist/main.js` and `dist/cli.js` with all they import, in a few files. Node finds,
 * reads and links some 2,000 modules otherwise, which is half of the time and of the processor of a start.
 */
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLING } from './bundle-options.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/**
 * Two folders below the root like the modules it is made of, which find migrations, templates and package.json from
 * there.
 */
const FOLDER = 'dist/bundle';

await rm(root + FOLDER, { recursive: true, force: true });
const { warnings } = await build({ ...BUNDLING, entryPoints: ['dist/main.js', 'dist/cli.js'], outdir: FOLDER });
if (warnings.length > 0) process.exitCode = 1;

for (const entry of ['main.js', 'cli.js']) {
  const [first = ''] = (await readFile(`${root}dist/${entry}`, 'utf8')).split('\n', 1);
  const shebang = first.startsWith('#!') ? `${first}\n` : '';
  await writeFile(`${root}dist/${entry}`, `${shebang}import './bundle/${entry}';\n`);
  await rm(`${root}dist/${entry}.map`, { force: true });
}
await chmod(`${root}dist/cli.js`, 0o755);
