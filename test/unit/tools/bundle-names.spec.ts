import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Functions and classes of all kinds, most of them made each time that `made` is called; `told` is what each is called.
 */
const SOURCE = `
export function made() {
  const arrow = (text) => pick(text, "arrow");
  const pick = (text, name) => [text, name, \`,"pick")\`, /,"pick"\\)/.test(text)];
  const expression = function () { return [1, "expression"]; };
  const own = function named() { return (() => 1, "named"); };
  async function declared() { await null; }
  const later = async (text) => { for await (const one of text) pick(one, "later"); };
  const generator = function* () { yield* [1, "generator"]; };
  const held = { method() {}, value: (x) => (x, "value"), $dollar: () => 1, 'not-a-name': () => 2 };
  let assigned; assigned = () => 3;
  const { byDefault = () => 4 } = {};
  class Plain { #hidden = 1; static of = () => new Plain(); look = () => this.#hidden; }
  const Value = class {};
  const Other = class Inner extends Plain {};
  return [arrow, pick, expression, own, declared, later, generator, held.method, held.value, held.$dollar,
    held['not-a-name'], assigned, byDefault, Plain, Plain.of, new Plain().look, Value, Other];
}
export const told = () => made().map(({ name }) => name);
export const calls = () => [made()[0]('x'), made()[1]('x', 'y'), made()[2](), made()[3](), [...made()[6]()], made()[8](5)];
`;
/** Of another module, so that one of both is called otherwise in the bundle. */
const BESIDE = `
class Plain {}
function made() { const arrow = () => 1; return [Plain, arrow, made]; }
export const beside = () => made().map(({ name }) => name);
`;
const BUNDLE = `
import { build } from 'esbuild';
import { BUNDLING } from './tools/bundle-options.mjs';
await build({ ...BUNDLING, absWorkingDir: process.argv[1], alias: {}, entryPoints: ['entry.mjs'], outdir: 'out' });
`;

interface Entry {
  told(): string[];
  beside(): string[];
  calls(): unknown[];
}

describe('names in a bundle', () => {
  let folder: string;
  let source: Entry;
  let bundle: Entry;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-bundle-'));
    await writeFile(join(folder, 'source.mjs'), SOURCE);
    await writeFile(join(folder, 'beside.mjs'), BESIDE);
    await writeFile(join(folder, 'entry.mjs'), `export * from './source.mjs';\nexport * from './beside.mjs';\n`);
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', BUNDLE, folder], { cwd: ROOT });
    source = (await import(pathToFileURL(join(folder, 'entry.mjs')).href)) as Entry;
    bundle = (await import(pathToFileURL(join(folder, 'out/entry.js')).href)) as Entry;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('are those of the source, of functions and classes of every kind', () => {
    expect(bundle.told()).toEqual(source.told());
    expect(bundle.beside()).toEqual(source.beside());
  });

  it('stay with functions that do what they did', () => {
    expect(bundle.calls()).toEqual(source.calls());
  });

  it('are set once more only where the text does not tell them', async () => {
    const text = await readFile(join(folder, 'out/entry.js'), 'utf8');
    expect(text).toMatch(/const arrow= +\(text=>/);
    expect(text).toMatch(/const own= +\(function named\(\)/);
    // Classes, which are made once; the module whose names were taken; and what a bundle cannot tell: a private field's
    // reader.
    expect(text.match(/__name\((?!this,)/g)!.length).toBeLessThan(8);
    expect(text).not.toMatch(/__name\(declared,/);
  });
});
