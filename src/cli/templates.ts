import { LANGUAGE_TAG } from '../core/locales.js';
import { onlyOne, UsageError } from './arguments.js';
import type { Command } from './command.js';
import type { ExitCode, Io } from './io.js';

export function declare(program: Command): void {
  const templates = program.command('templates');

  templates
    .command('check')
    .summary('say whether TEMPLATES_DIR can be used')
    .synopsis('[--dir FOLDER] [--json]')
    .description(
      `Compiles each template in the folder, and renders it with its samples, as every start does. Whatever is wrong is told by
template, file, line and remedy. Nothing is sent, and no database is needed.`,
    )
    .option('--dir <FOLDER>', 'check this folder, and not that of TEMPLATES_DIR')
    .option('--json', 'print {templates: [{name, locales}], faults: [{template, file, line, message, remedy}]}')
    .remark('Exit codes: 0 all can be used, 1 something cannot, 2 there is no folder to check.')
    .does(check);

  templates
    .command('preview')
    .summary('show what a mail looks like')
    .synopsis('NAME [--locale LOCALE] [--html|--json]')
    .description(
      `Prints the subject and the text of a template with its samples, as this environment would send it: those of TEMPLATES_DIR
and the BRAND_ variables included.`,
    )
    .takes(onlyOne('Name one template, such as login-code.'))
    .option('--locale <LOCALE>', 'such as de-AT: the nearest that there is; en unless given', localeIn, 'en')
    .option('--html', 'print the HTML alone, for a file that a browser opens')
    .option('--json', 'print {subject, text, html, locale}')
    .does(preview);
}

function localeIn(text: string): string {
  if (LANGUAGE_TAG.test(text)) return text;
  throw new UsageError('--locale is the tag of a language, such as en or pt-BR.');
}

async function check(io: Io, { dir }: { dir?: string }): Promise<ExitCode> {
  const { settingsOf } = await import('./session.js');
  const { compileFolder } = await import('../mail/content/template-overrides.js');
  const { faultLine } = await import('../mail/content/template-sources.js');
  const { Templates } = await import('../mail/content/templates.js');
  const { settings } = await settingsOf(io);
  const folder = dir ?? settings.mail.templatesDir;
  if (folder === undefined) throw new UsageError('Name a folder with --dir, or set TEMPLATES_DIR.');
  const { templates, faults } = await compileFolder(folder, new Templates());
  const told = templates.map(({ name, words }) => ({ name, locales: [...words.keys()].sort() }));
  if (io.json) {
    io.out(JSON.stringify({ templates: told, faults }));
  } else {
    for (const { name, locales } of told) io.out(`${name}  ${locales.join(', ') || 'meta.yaml alone'}`);
    io.err(
      ...faults.map(faultLine),
      `${folder}: ${count(told.length, 'template')} can be used, ${count(faults.length, 'fault')}.`,
    );
  }
  return faults.length > 0 ? 1 : 0;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

async function preview(io: Io, { locale, html }: { locale: string; html?: true }, name: string): Promise<ExitCode> {
  const { settingsOf } = await import('./session.js');
  const { productOf } = await import('../config/settings.js');
  const { brandOf } = await import('../mail/content/brand-policy.js');
  const { SAMPLES_OF_OURSELVES, SAMPLE_MINUTES, samplesOf } = await import('../mail/content/template-policy.js');
  const { Templates } = await import('../mail/content/templates.js');
  const { settings } = await settingsOf(io);
  const { brand, templatesDir } = settings.mail;
  const templates = new Templates(brandOf(brand));
  if (templatesDir !== undefined) {
    const { compileFolder, TemplateFolderError } = await import('../mail/content/template-overrides.js');
    const { templates: compiled, faults } = await compileFolder(templatesDir, templates);
    if (faults.length > 0) throw new TemplateFolderError(templatesDir, faults);
    templates.override(compiled);
  }
  const facts = templates.known.get(name);
  if (!facts)
    throw new UsageError(`There is no template "${name}"; there are ${[...templates.known.keys()].sort().join(', ')}.`);
  // Mail that its recipient can leave is bulk mail.
  const unsubscribeUrl = facts.lane === 'bulk' ? SAMPLES_OF_OURSELVES['unsubscribeUrl'] : '';
  const ours = { product: productOf(settings), minutes: SAMPLE_MINUTES, unsubscribeUrl };
  const mail = templates.render(name, locale, { ...samplesOf(facts), ...ours });
  if (io.json) io.out(JSON.stringify(mail));
  else if (html) io.out(...mail.html.split('\n'));
  else io.out(`Subject: ${mail.subject}`, `Language: ${mail.locale}`, '', ...mail.text.trimEnd().split('\n'));
  return 0;
}
