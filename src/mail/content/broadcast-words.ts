import { nearestLocaleIn } from '../../core/locales.js';
import type { SubscriberWords } from '../subscribers/subscribers.js';
import { boundedLiquid } from '../../core/strict-liquid.js';
import type { Fields, SharedContent } from './stored-content.js';
import { inBothForms, type MailContent, TemplateError } from './templates.js';
import { withUnsubscribeFooter } from './unsubscribe-footer.js';

/** What the words of a broadcast can name, besides the attributes of each subscriber. */
export interface BroadcastScope {
  subscriber: SubscriberWords;
  product: string;
  unsubscribeUrl: string;
  /** Postal, of whoever sends; empty where it is not set. */
  address: string;
}

/** For DoS: what its sender wrote costs each message this much at most. */
const LIQUID = boundedLiquid({ parseLimit: 2_000_000, renderLimit: 1_000, memoryLimit: 20_000_000 });

const FORMS = ['subject', 'text', 'html'] as const;
type Form = (typeof FORMS)[number];
/** Contents whose parsed words a process keeps: those of broadcasts that are under way. */
const KEPT = 20;

/** A fault in the words of a broadcast, for whoever wrote them. */
export interface WordsFault {
  form: Form;
  /** Such as `subscriber.name`, where it is a variable that is not known. */
  variable?: string;
  message: string;
}

type Parsed = (scope: BroadcastScope) => Promise<Record<Form, string | undefined>>;

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
    const locale = nearestLocaleIn(Object.keys(byLocale), wantedLocale);
    const parsed = this.parsed(`${contentId}:${locale}`, byLocale[locale]!);
    try {
      const { subject, text, html } = await parsed(scope);
      const content = inBothForms({
        subject: oneLine(subject!),
        ...(text === undefined ? {} : { text }),
        ...(html === undefined ? {} : { html }),
      });
      return withUnsubscribeFooter(content, scope.unsubscribeUrl, wantedLocale, scope);
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
 * What is wrong with the words, and which attributes they ask for without a default. Found out by rendering them for
 * somebody without attributes, who is given what is missing one by one.
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
      const engine = form === 'html' ? LIQUID.html : LIQUID.plain;
      await engine.render(
        engine.parse(source),
        scopeOf({ subscriber, product: 'Product', unsubscribeUrl: 'https://example.com/', address: '' }),
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
    const engine = form === 'html' ? LIQUID.html : LIQUID.plain;
    return source === undefined ? undefined : { engine, template: engine.parse(source) };
  });
  return async (scope) => {
    const variables = scopeOf(scope);
    const [subject, text, html] = await Promise.all(
      templates.map(async (one) => one && String(await one.engine.render(one.template, variables))),
    );
    return { subject, text, html };
  };
}

function scopeOf({ subscriber: { email, locale, attributes }, product, unsubscribeUrl }: BroadcastScope): object {
  return { subscriber: { ...attributes, email, locale: locale ?? '' }, product, unsubscribeUrl };
}

/** A subscriber's words may not begin another field. */
function oneLine(subject: string): string {
  return subject.replaceAll(/\s+/g, ' ').trim();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0]! : String(error);
}
