import { mkdir, rm, writeFile } from 'node:fs/promises';
import { compileTemplates } from './template-compiler.js';
import { faultLine, readTemplateFolder } from './template-sources.js';

/**
 * Compiles the templates of ours: a file for each in each language, and `index.json` with all that is known of them
 * without their words. `npm run build` does it, so that no start of the service loads MJML.
 * @throws Error that names each fault
 */
export async function compileBuiltIn(sources: string, out: string): Promise<number> {
  const folder = await readTemplateFolder(sources);
  const shared = { parts: {}, words: new Map() };
  const base = { facts: () => undefined, words: () => Promise.resolve(undefined), shared };
  const { templates, faults } = await compileTemplates(folder, base);
  if (faults.length > 0) throw new Error(faults.map(faultLine).join('\n'));
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const index: Record<string, object> = {};
  for (const { name, words, ...facts } of templates) {
    index[name] = { ...facts, locales: [...words.keys()].sort() };
    await mkdir(`${out}/${name}`);
    for (const [locale, forms] of words) await writeFile(`${out}/${name}/${locale}.json`, JSON.stringify(forms));
  }
  await writeFile(`${out}/index.json`, JSON.stringify(index));
  return templates.length;
}
