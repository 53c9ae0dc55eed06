import { Liquid } from 'liquidjs';
import { escapeHtml } from '../../core/html.js';
import type { SubscriberWords } from '../subscribers/subscribers.js';
import type { Fields, SharedContent } from './stored-content.js';
import { inBothForms, type MailContent, TemplateError } from './templates.js';

/** What the words of a broadcast can name, besides the attributes of each subscriber. */
export interface BroadcastScope {
  subscriber: SubscriberWords;
  product: string;
  unsubscribeUrl: string;
}

/** For DoS: what its sender wrote costs each message this much at most. Milliseconds, and characters. */
const LIMITS = { parseLimit: 2_000_000, renderLimit: 1_000, memoryLimit: 20_000_000 };
/** No file can be named: there are none. */
const OPTIONS = { strictVariables: true, strictFilters: true, lenientIf: true, templates: {}, ...LIMITS };
const PLAIN = new Liquid(OPTIONS);
const HTML = new Liquid({ ...OPTIONS, outputEscape: 'escape' });

const FORMS = ['subject', 'text', 'html'] as const;
type Form = (typeof FORMS)[number];
/** Contents whose parsed words a process keeps: those of broadcasts that are under way. */
const KEPT = 20;

/** What a footer says, where the words place no link. */
const LEAVE: Readonly<Record<string, string>> = {
  en: 'Unsubscribe',
  de: 'Abmelden',
  es: 'Darse de baja',
  fil: 'Mag-unsubscribe',
  fr: 'Se désabonner',
  pt: 'Cancelar a inscrição',
};

/** A fault in the words of a broadcast, for whoever wrote them. */
export interface WordsFault {
  form: Form;
  /** Such as `subscriber.name`, where it is a variable that is not known. */
  variable?: string;
  message: string;
}

interface Parsed {
  render: (scope: BroadcastScope) => Promise<Record<Form, string | undefined>>;
  placed: Record<Form, boolean>;
}

/** The words of broadcasts, in Liquid, made into each subscriber's own. */
export class BroadcastWords {
  private readonly kept = new Map<string, Parsed>();

  /**
   * @param contentId names the content, whose words never change
   * @throws TemplateError that names the variable, where a subscriber lacks what the words ask for without a default
   */
  async render(
    contentId: string,
    byLocale: NonNullable<SharedContent['broadcast']>,
    wantedLocale: string,
    scope: BroadcastScope,
  ): Promise<MailContent> {
    const locale = nearest(byLocale, wantedLocale);
    const parsed = this.parsed(`${contentId}:${locale}`, byLocale[locale]!);
    try {
      const { subject, text, html } = await parsed.render(scope);
      const leave = LEAVE[wantedLocale.split('-')[0]!] ?? LEAVE['en']!;
      return inBothForms({
        subject: oneLine(subject!),
        ...(text === undefined ? {} : { text: parsed.placed.text ? text : withTextFooter(text, leave, scope) }),
        ...(html === undefined ? {} : { html: parsed.placed.html ? html : withHtmlFooter(html, leave, scope) }),
      });
    } catch (cause) {
      throw new TemplateError(`the words of the broadcast do not render: ${messageOf(cause)}`, { cause });
    }
  }

  private parsed(key: string, words: Fields): Parsed {
    const known = this.kept.get(key);
    if (known) return known;
    const parsed = parse(words);
    if (this.kept.size >= KEPT) this.kept.delete(this.kept.keys().next().value!);
    this.kept.set(key, parsed);
    return parsed;
  }
}

/**
 * What is wrong with the words, and which attributes they ask for without a default. Found out by rendering them for somebody
 * without attributes, who is given what is missing one by one.
 */
export async function lookAtWords(words: Fields): Promise<{ faults: WordsFault[]; needed: string[] }> {
  const needed = new Set<string>();
  const faults: WordsFault[] = [];
  for (const form of FORMS) {
    const source = words[form];
    if (source === undefined) continue;
    const fault = await lookAtForm(form, source, needed);
    if (fault) faults.push(fault);
  }
  return { faults, needed: [...needed] };
}

/** Attributes that a sample is given at most, before it is plain that the words are not right. */
const MOST_NEEDED = 50;

async function lookAtForm(form: Form, source: string, needed: Set<string>): Promise<WordsFault | undefined> {
  for (let tries = 0; tries <= MOST_NEEDED; tries++) {
    const attributes = Object.fromEntries([...needed].map((name) => [name, 'sample']));
    const subscriber = { email: 'ada@example.com', locale: 'en', attributes };
    try {
      const engine = form === 'html' ? HTML : PLAIN;
      await engine.render(
        engine.parse(source),
        scopeOf({ subscriber, product: 'Product', unsubscribeUrl: 'https://example.com/' }),
      );
      return undefined;
    } catch (error) {
      const message = messageOf(error);
      const variable = /undefined variable: ([^\s,]+)/.exec(message)?.[1];
      const attribute = variable && /^subscriber\.([A-Za-z_]\w*)$/.exec(variable)?.[1];
      if (attribute === undefined || needed.has(attribute)) {
        return { form, message, ...(variable === undefined ? {} : { variable }) };
      }
      needed.add(attribute);
    }
  }
  return { form, message: `asks for more than ${MOST_NEEDED} attributes` };
}

function parse(words: Fields): Parsed {
  const templates = FORMS.map((form) => {
    const source = words[form];
    const engine = form === 'html' ? HTML : PLAIN;
    return source === undefined ? undefined : { engine, template: engine.parse(source), source };
  });
  const [subject, text, html] = templates;
  const render = async (one: (typeof templates)[number], scope: object): Promise<string | undefined> =>
    one && String(await one.engine.render(one.template, scope));
  const places = (one: (typeof templates)[number]): boolean => /\{\{-?\s*unsubscribeUrl\b/.test(one?.source ?? '');
  return {
    placed: { subject: places(subject), text: places(text), html: places(html) },
    render: async (scope) => {
      const variables = scopeOf(scope);
      const done = await Promise.all(templates.map((one) => render(one, variables)));
      return { subject: done[0], text: done[1], html: done[2] };
    },
  };
}

function scopeOf({ subscriber: { email, locale, attributes }, product, unsubscribeUrl }: BroadcastScope): object {
  return { subscriber: { ...attributes, email, locale: locale ?? '' }, product, unsubscribeUrl };
}

function withTextFooter(text: string, leave: string, { unsubscribeUrl }: BroadcastScope): string {
  return `${text.trimEnd()}\n\n-- \n${leave}: ${unsubscribeUrl}\n`;
}

function withHtmlFooter(html: string, leave: string, { unsubscribeUrl }: BroadcastScope): string {
  const footer = `<p style="margin:24px 16px;font:13px/1.5 sans-serif;color:#5d6764"><a href="${escapeHtml(unsubscribeUrl)}" style="color:#5d6764">${escapeHtml(leave)}</a></p>`;
  const end = [...html.matchAll(/<\/body/gi)].at(-1)?.index;
  return end === undefined ? `${html}${footer}` : `${html.slice(0, end)}${footer}${html.slice(end)}`;
}

/** A subscriber's words may not begin another field. */
function oneLine(subject: string): string {
  return subject.replaceAll(/\s+/g, ' ').trim();
}

function nearest(byLocale: Readonly<Record<string, Fields>>, wanted: string): string {
  const candidates = [wanted, wanted.split('-')[0]!, 'en'];
  return candidates.find((locale) => Object.hasOwn(byLocale, locale)) ?? Object.keys(byLocale)[0]!;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0]! : String(error);
}
