import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Template as Parsed } from 'liquidjs';
import { escapeHtml } from '../../core/html.js';
import { directionOf, nearestLocaleIn } from '../../core/locales.js';
import { PACKAGE_ROOT } from '../../core/process-facts.js';
import { type Brand, NO_BRAND } from './brand-policy.js';
import { htmlToText } from './html-to-text.js';
import { HTML, PLAIN } from './liquid.js';
import type { CompiledTemplate, CompiledWords } from './template-compiler.js';
import { sizeOf, type TextSize, withCodeLine } from '../sms/text-policy.js';
import { defaultsOf, SAMPLE_MINUTES, samplesOf, type TemplateFacts } from './template-policy.js';

export interface MailContent {
  subject: string;
  text: string;
  html: string;
}

/**
 * Some clients show only the text and filters distrust its absence, so a message that came in one form gets the other.
 */
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
function nearestLocale({ locales }: Template, wanted: string): string {
  return nearestLocaleIn(locales, wanted);
}

/** What `npm run build` makes of `templates/`. */
const COMPILED = fileURLToPath(new URL('dist/templates', PACKAGE_ROOT));

interface ParsedWords {
  sms: Parsed[] | undefined;
  subject: Parsed[];
  text: Parsed[];
  html: Parsed[];
  madeText: boolean;
}

/**
 * The mails: those of ours, compiled when this was built and each read when it is first sent, and over them those of
 * TEMPLATES_DIR. A missing variable is an error, never an empty place in somebody's mail. HTML output is escaped.
 */
export class Templates {
  private readonly builtIn: ReadonlyMap<string, Template>;
  private overrides: ReadonlyMap<string, CompiledTemplate> = new Map();
  private readonly parsed = new Map<string, ParsedWords>();
  private readonly all: Map<string, Template>;

  constructor(
    private readonly brand: Brand = NO_BRAND,
    private readonly folder = COMPILED,
  ) {
    const index = JSON.parse(readFileSync(`${folder}/index.json`, 'utf8')) as Record<string, Omit<Template, 'name'>>;
    this.builtIn = new Map(Object.entries(index).map(([name, facts]) => [name, { name, ...facts }]));
    this.all = new Map(this.builtIn);
  }

  /** By name. The map is the same for as long as the process runs, and changes with TEMPLATES_DIR. */
  get known(): ReadonlyMap<string, Template> {
    return this.all;
  }

  /** Puts these in the place of those that came before. */
  override(templates: readonly CompiledTemplate[]): void {
    this.overrides = new Map(templates.map((template) => [template.name, template]));
    this.parsed.clear();
    this.all.clear();
    for (const [name, template] of this.builtIn) this.all.set(name, template);
    for (const { words, ...facts } of templates) {
      const locales = new Set([...(this.builtIn.get(facts.name)?.locales ?? []), ...words.keys()]);
      this.all.set(facts.name, { ...facts, locales: [...locales].sort() });
    }
  }

  /** Of ours, whatever stands over them. */
  ownFacts(name: string): TemplateFacts | undefined {
    return this.builtIn.get(name);
  }

  /** Of ours, in exactly that language. */
  ownWords(name: string, locale: string): CompiledWords | undefined {
    if (!this.builtIn.get(name)?.locales.includes(locale)) return undefined;
    return JSON.parse(readFileSync(`${this.folder}/${name}/${locale}.json`, 'utf8')) as CompiledWords;
  }

  /** As they are rendered: in Liquid, with what templates share. @param locale one of the template's */
  sourcesOf({ name }: Template, locale: string): MailContent {
    const { subject, text, html } = this.wordsOf(name, locale);
    return { subject, text, html };
  }

  /** @throws TemplateError, UnknownTemplateError */
  render(template: string, wantedLocale: string, variables: Record<string, unknown>): MailContent & { locale: string } {
    const facts = this.all.get(template);
    if (!facts) throw new UnknownTemplateError(`there is no template ${template} in this build`);
    const locale = nearestLocale(facts, wantedLocale);
    const dir = directionOf(locale);
    const ours = { brand: this.brand, unsubscribeUrl: '', dir, start: dir === 'rtl' ? 'right' : 'left' };
    const scope = { ...ours, ...defaultsOf(facts), ...variables, locale };
    try {
      const words = this.parsedWords(template, locale);
      const text = String(PLAIN.renderSync(words.text, scope));
      return {
        subject: String(PLAIN.renderSync(words.subject, scope)).trim(),
        text: words.madeText ? tidy(text) : text,
        html: String(HTML.renderSync(words.html, scope)),
        locale,
      };
    } catch (cause) {
      throw new TemplateError(`template ${template} (${locale}) does not render`, { cause });
    }
  }

  /**
   * As a text message, with the line that browsers read. A language of TEMPLATES_DIR that has no such form has the
   * English one.
   * @throws TemplateError, UnknownTemplateError
   */
  renderSms(template: string, wantedLocale: string, variables: Record<string, unknown>, domain: string): string {
    const facts = this.all.get(template);
    if (!facts) throw new UnknownTemplateError(`there is no template ${template} in this build`);
    const locale = [nearestLocale(facts, wantedLocale), 'en'].find(
      (one) => facts.locales.includes(one) && this.parsedWords(template, one).sms,
    );
    if (locale === undefined) throw new TemplateError(`template ${template} has no form for SMS`);
    const scope = { ...defaultsOf(facts), ...variables, locale };
    try {
      const text = String(PLAIN.renderSync(this.parsedWords(template, locale).sms!, scope));
      return withCodeLine(text, domain, String((variables['code'] as string | undefined) ?? ''));
    } catch (cause) {
      throw new TemplateError(`template ${template} (${locale}) does not render as a text`, { cause });
    }
  }

  /** Templates and languages that have a form for SMS, with what it comes to where its variables are the samples. */
  smsSizes(product: string, domain: string): { template: string; locale: string; size: TextSize }[] {
    return [...this.all.values()].flatMap((facts) =>
      facts.locales
        .filter((locale) => this.parsedWords(facts.name, locale).sms)
        .map((locale) => {
          const samples = { ...samplesOf(facts), product, minutes: SAMPLE_MINUTES };
          const text = this.renderSms(facts.name, locale, samples, domain);
          return { template: facts.name, locale, size: sizeOf(text) };
        }),
    );
  }

  private wordsOf(name: string, locale: string): CompiledWords {
    return this.overrides.get(name)?.words.get(locale) ?? this.ownWords(name, locale)!;
  }

  private parsedWords(name: string, locale: string): ParsedWords {
    const key = `${name}/${locale}`;
    const known = this.parsed.get(key);
    if (known) return known;
    const { subject, text, html, madeText, sms } = this.wordsOf(name, locale);
    const parsed = {
      sms: sms === undefined ? undefined : PLAIN.parse(sms),
      subject: PLAIN.parse(subject),
      text: PLAIN.parse(text),
      html: HTML.parse(html),
      madeText,
    };
    this.parsed.set(key, parsed);
    return parsed;
  }
}

/** What was left out of a text leaves its empty lines. */
function tidy(text: string): string {
  return `${text
    .replaceAll(/(?<![ \t])[ \t]+$/gm, '')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}
