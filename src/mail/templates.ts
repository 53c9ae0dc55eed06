import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Liquid } from 'liquidjs';
import type { MailContent } from './both-forms.js';

const FOLDER = fileURLToPath(new URL('../../templates/', import.meta.url));
const FALLBACK_LOCALE = 'en';

/**
 * Variables that templates gained, by template. Mail that a former build accepted comes without them and goes out all
 * the same: in an upgrade its web processes run beside our workers. Templates leave out what has none.
 */
const GAINED_LATER: Readonly<Record<string, Record<string, unknown>>> = {
  'register-code': { link: '', notMe: '' },
  'account-exists-code': { link: '', notMe: '' },
};

/** Thrown when a template lacks a variable: our fault, not the recipient's. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** Thrown for a template that this build does not have: the mail was accepted by a later one, whose workers have it. */
export class UnknownTemplateError extends Error {
  override readonly name = 'UnknownTemplateError';
}

/**
 * The mails, one folder a locale and one a template: `templates/en/register-code/{subject,text,html}.liquid`.
 * A missing variable is an error, never an empty place in somebody's mail. HTML output is escaped.
 */
export class Templates {
  private readonly engines = new Map<string, { plain: Liquid; html: Liquid }>();
  private readonly known: ReadonlySet<string>;

  constructor(folder = FOLDER) {
    for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
      const options = { root: `${folder}/${name}`, cache: true, strictVariables: true, strictFilters: true };
      this.engines.set(name, { plain: new Liquid(options), html: new Liquid({ ...options, outputEscape: 'escape' }) });
    }
    this.known = new Set(readdirSync(`${folder}/${FALLBACK_LOCALE}`));
  }

  /** The nearest locale there is: `de-AT` → `de` → `en`. */
  resolveLocale(wanted: string): string {
    const candidates = [wanted, wanted.split('-')[0]!, FALLBACK_LOCALE];
    return candidates.find((locale) => this.engines.has(locale))!;
  }

  /** @throws TemplateError, UnknownTemplateError */
  async render(template: string, wantedLocale: string, variables: Record<string, unknown>): Promise<MailContent> {
    if (!this.known.has(template)) throw new UnknownTemplateError(`there is no template ${template} in this build`);
    const locale = this.resolveLocale(wantedLocale);
    const { plain, html } = this.engines.get(locale)!;
    const scope = { ...GAINED_LATER[template], ...variables, locale };
    try {
      const rendered: unknown[] = await Promise.all([
        plain.renderFile(`${template}/subject.liquid`, scope),
        plain.renderFile(`${template}/text.liquid`, scope),
        html.renderFile(`${template}/html.liquid`, scope),
      ]);
      const [subject, text, markup] = rendered.map(String) as [string, string, string];
      return { subject: subject.trim(), text, html: markup };
    } catch (cause) {
      throw new TemplateError(`template ${template} (${locale}) does not render`, { cause });
    }
  }
}
