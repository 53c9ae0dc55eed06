import { readdir, readFile, stat } from 'node:fs/promises';
import { fileErrorCode } from '../../core/startup-error.js';

/** A file of a folder of templates. */
export interface SourceFile {
  /** From that folder on, such as `login-code/de/body.mjml`: how faults name it. */
  file: string;
  text: string;
}

const WORD_FILES = ['subject.liquid', 'body.mjml', 'html.liquid', 'text.liquid', 'sms.liquid'] as const;
export type WordFile = (typeof WORD_FILES)[number];

/** What stands in the folder of one template. */
export interface TemplateSource {
  name: string;
  meta: SourceFile | undefined;
  /** By locale. */
  words: ReadonlyMap<string, Partial<Record<WordFile, SourceFile>>>;
}

/** What stands in a folder of templates. */
export interface TemplateFolder {
  templates: TemplateSource[];
  /** MJML that templates share, by name, each in one line so that the lines of what names it stay. */
  parts: Record<string, string>;
  /** Short texts of the parts, by locale. */
  words: Map<string, SourceFile>;
  faults: TemplateFault[];
}

/** Why a template cannot be used. */
export interface TemplateFault {
  template: string;
  file: string;
  /** From 1. */
  line?: number | undefined;
  message: string;
  remedy: string;
}

const PARTS = 'parts';
const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const LOCALE = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;
/** Characters of a file; what is larger would not be a mail that anybody shows whole. */
const LONGEST_FILE = 200_000;

/** Such as `login-code: login-code/de/body.mjml, line 12: mj-buton: … Write mj-button.` */
export function faultLine({ template, file, line, message, remedy }: TemplateFault): string {
  const end = /[.!?]$/.test(message) ? '' : '.';
  return `${template}: ${file}${line === undefined ? '' : `, line ${line}`}: ${message}${end} ${remedy}`;
}

/** Reads a folder of templates. What is wrong with one is told, and the others are read all the same. */
export async function readTemplateFolder(folder: string, { partsOnly = false } = {}): Promise<TemplateFolder> {
  const found: TemplateFolder = { templates: [], parts: {}, words: new Map(), faults: [] };
  for (const name of partsOnly ? [PARTS] : await foldersIn(folder)) {
    if (name === PARTS) await readParts(folder, found);
    else if (NAME.test(name)) found.templates.push(await readTemplate(folder, name, found.faults));
    else
      found.faults.push({
        ...{ template: name, file: name, message: 'is no name of a template' },
        remedy: 'Name the folder with small letters, digits and hyphens, such as order-shipped.',
      });
  }
  return found;
}

/** Names beginning with a dot are not ours: Kubernetes keeps the files of a ConfigMap behind them. */
async function foldersIn(path: string): Promise<string[]> {
  const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  const are = await Promise.all(names.map(async (name) => (await stat(`${path}/${name}`)).isDirectory()));
  return names.filter((_, index) => are[index]);
}

async function filesIn(path: string): Promise<string[]> {
  const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  const are = await Promise.all(names.map(async (name) => (await stat(`${path}/${name}`)).isFile()));
  return names.filter((_, index) => are[index]);
}

async function readParts(folder: string, found: TemplateFolder): Promise<void> {
  const path = `${folder}/${PARTS}`;
  for (const name of await filesIn(path)) {
    if (!name.endsWith('.mjml')) continue;
    const text = await readFile(`${path}/${name}`, 'utf8');
    found.parts[name.slice(0, -'.mjml'.length)] = text.trim().replaceAll(/(?<!\s)\s*\n\s*/g, ' ');
  }
  for (const name of await filesIn(`${path}/words`).catch(nothingWhereNoFolder)) {
    if (!name.endsWith('.yaml')) continue;
    const text = await readFile(`${path}/words/${name}`, 'utf8');
    found.words.set(name.slice(0, -'.yaml'.length), { file: `${PARTS}/words/${name}`, text });
  }
}

function nothingWhereNoFolder(error: unknown): string[] {
  if (fileErrorCode(error) === 'ENOENT') return [];
  throw error;
}

async function readTemplate(folder: string, name: string, faults: TemplateFault[]): Promise<TemplateSource> {
  const read = async (path: string): Promise<SourceFile> => {
    const file = `${name}/${path}`;
    const text = await readFile(`${folder}/${file}`, 'utf8');
    if (text.length > LONGEST_FILE) {
      const remedy = 'Make it shorter: mail programs cut what is longer than 102 kB.';
      faults.push({ template: name, file, message: `has more than ${LONGEST_FILE} characters`, remedy });
    }
    return { file, text };
  };
  const known = await filesIn(`${folder}/${name}`);
  for (const other of known) if (other !== 'meta.yaml') faults.push(strange(name, other, ['meta.yaml']));
  const words = new Map<string, Partial<Record<WordFile, SourceFile>>>();
  for (const locale of await foldersIn(`${folder}/${name}`)) {
    if (!LOCALE.test(locale)) {
      const remedy = 'Name the folder with the tag of a language, such as de or pt-BR.';
      faults.push({ template: name, file: `${name}/${locale}`, message: 'is no language', remedy });
      continue;
    }
    const files: Partial<Record<WordFile, SourceFile>> = {};
    for (const file of await filesIn(`${folder}/${name}/${locale}`)) {
      const wordFile = WORD_FILES.find((one) => one === file);
      if (wordFile) files[wordFile] = await read(`${locale}/${file}`);
      else faults.push(strange(name, `${locale}/${file}`, WORD_FILES));
    }
    words.set(locale, files);
  }
  return { name, meta: known.includes('meta.yaml') ? await read('meta.yaml') : undefined, words };
}

/** A name that is misspelt would be a file that nobody reads. */
function strange(template: string, path: string, names: readonly string[]): TemplateFault {
  const remedy = `Remove it, or give it one of the names ${names.join(', ')}.`;
  return { template, file: `${template}/${path}`, message: 'is no file of a template', remedy };
}

/** What tells whether anything in a folder changed: each file with its size and the time it was written. */
export async function fingerprintOf(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => !/(^|\/)\./.test(name)).sort();
  const facts = await Promise.all(
    names.map(async (name) => {
      const { mtimeMs, size, ino } = await stat(`${folder}/${name}`);
      return `${name}:${mtimeMs}:${size}:${ino}`;
    }),
  );
  return facts.join('\n');
}
