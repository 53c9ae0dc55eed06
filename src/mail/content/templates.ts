import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Liquid } from 'liquidjs';
import { escapeHtml } from '../../core/html.js';
import { PACKAGE_ROOT } from '../../core/process-facts.js';
import { htmlToText } from './html-to-text.js';
import { defaultsOf, type TemplateFacts, TEMPLATES } from './template-policy.js';

export interface MailContent {
  subject: string;
  text: string;
  html: string;
}

/** Some clients show only the text and filters distrust its absence, so a message that came in one form gets the other. */
export function inBothForms({ subject, text, html }: { subject: string; text?: string; html?: string }): MailContent {
  if (html === undefined) return { subject, text: text ?? '', html: htmlOf(subject, text ?? '') };
  return { subject, text: text ?? textOf(html, subject), html };
}

/** Pictures without a text leave nothing; the subject then stands for them. */
function textOf(html: string, subject: string): string {
  return `${htmlToText(html) || subject}\n`;
}

function htmlOf(subject: string, text: string): string {
  return `<!doctype html>
<html><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>
<body style="margin:0;padding:16px;font:16px/1.5 sans-serif"><div style="white-space:pre-wrap">${escapeHtml(text)}</div></body></html>
`;
}

const FOLDER = fileURLToPath(new URL('templates/', PACKAGE_ROOT));
const FALLBACK_LOCALE = 'en';

/** Whole minutes until a message is no good any more, one at least; undefined where it is good for ever. */
export function minutesLeft(expiresAt: Date | null, now: Date): number | undefined {
  return expiresAt ? Math.max(1, Math.round((expiresAt.getTime() - now.getTime()) / 60_000)) : undefined;
}

/** Thrown when a template lacks a variable: our fault, not the recipient's. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** Thrown for a template that this build does not have: the mail was accepted by a later one, whose workers have it. */
export class UnknownTemplateError extends Error {
  override readonly name = 'UnknownTemplateError';
}

/** A template, and the languages that it has words in. */
export interface Template extends TemplateFacts {
  name: string;
  locales: readonly string[];
}

/** The nearest that a template has: `de-AT` → `de` → `en`. */
export function nearestLocale({ locales }: Template, wanted: string): string {
  const candidates = [wanted, wanted.split('-')[0]!];
  return candidates.find((locale) => locales.includes(locale)) ?? FALLBACK_LOCALE;
}

/**
 * The mails, one folder a locale and one a template: `templates/en/register-code/{subject,text,html}.liquid`.
 * A missing variable is an error, never an empty place in somebody's mail. HTML output is escaped.
 */
export class Templates {
  private readonly engines = new Map<string, { plain: Liquid; html: Liquid }>();
  /** By name. */
  readonly known: ReadonlyMap<string, Template>;

  constructor(private readonly folder = FOLDER) {
    for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
      const options = { root: `${folder}/${name}`, cache: true, strictVariables: true, strictFilters: true };
      this.engines.set(name, { plain: new Liquid(options), html: new Liquid({ ...options, outputEscape: 'escape' }) });
    }
    const locales = [...this.engines.keys()].sort();
    this.known = new Map(
      Object.entries(TEMPLATES).map(([name, facts]) => {
        const has = (locale: string): boolean => existsSync(`${folder}/${locale}/${name}`);
        return [name, { name, ...facts, locales: locales.filter(has) }];
      }),
    );
  }

  /** As they stand in the folder; what templates share is in files beside them. */
  async sourcesOf({ name }: Template, locale: string): Promise<MailContent> {
    const read = (form: string) => readFile(`${this.folder}/${locale}/${name}/${form}.liquid`, 'utf8');
    const [subject, text, html] = await Promise.all([read('subject'), read('text'), read('html')]);
    return { subject: subject.trim(), text, html };
  }

  /** @throws TemplateError, UnknownTemplateError */
  async render(template: string, wantedLocale: string, variables: Record<string, unknown>): Promise<MailContent> {
    const facts = this.known.get(template);
    if (!facts) throw new UnknownTemplateError(`there is no template ${template} in this build`);
    const locale = nearestLocale(facts, wantedLocale);
    const { plain, html } = this.engines.get(locale)!;
    const scope = { ...defaultsOf(facts), ...variables, locale };
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
