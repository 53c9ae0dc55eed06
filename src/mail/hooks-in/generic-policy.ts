import type { Template as Piece } from 'liquidjs';
import { MINUTE_MS } from '../../core/durations.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Problem } from '../../core/problems.js';
import type { FieldError } from '../../core/problems.js';
import { boundedLiquid } from '../../core/strict-liquid.js';
import type { TemplateFacts } from '../content/template-policy.js';
import { fieldsOf } from '../providers/hook.js';
import { addressAt, type HandedMail, refusedMember, requireWay } from './handed-mail.js';

/** What a mapping says, each in Liquid over the members of the body and `now`, the time in RFC 3339. */
const TEXTS = 'to template subject text html locale expiresAt expiresIn dedupe'.split(' ');
const VARIABLES = 'variables';
/** Minutes; a year. */
const LONGEST = 525_600;

/** A mapping that cannot be used: its author's fault, told before anything is taken in. */
export class MappingError extends Error {
  override readonly name = 'MappingError';
}

/** How mails are made of the bodies of one source. */
export type Mapping = (body: unknown, now: Date) => HandedMail;

const { plain, html: markup } = boundedLiquid({ renderLimit: 1_000, memoryLimit: 10_000_000 });

/**
 * Reads a mapping. Where it names a template in so many words, it is held to what that asks for.
 * @param document as YAML or JSON gave it
 * @throws MappingError with all that is wrong with it, a line each
 */
export function readMapping(name: string, document: unknown, templates: ReadonlyMap<string, TemplateFacts>): Mapping {
  const given = fieldsOf(document);
  const faults: string[] = [];
  const parse = (field: string, text: unknown): Piece[] => {
    if (typeof text !== 'string') {
      faults.push(`${field} must be a text: put it into quotes`);
      return [];
    }
    try {
      return (field === 'html' ? markup : plain).parse(text);
    } catch (error) {
      faults.push(`${field} is not Liquid that can be used: ${firstLine(error)}`);
      return [];
    }
  };
  for (const field of Object.keys(given))
    if (field !== VARIABLES && !TEXTS.includes(field))
      faults.push(`${field.slice(0, 100)} is none of ${[...TEXTS, VARIABLES].join(', ')}`);
  const texts = new Map(
    TEXTS.filter((field) => given[field] !== undefined).map((field) => [field, parse(field, given[field])]),
  );
  const variables = new Map(
    Object.entries(fieldsOf(given[VARIABLES])).map(([variable, text]) => [
      variable,
      parse(`variables.${variable}`, text),
    ]),
  );
  faults.push(...missing(given), ...templateFaults(given, templates));
  if (faults.length > 0) throw new MappingError(faults.join('\n'));
  return (body, now) => mailOf(name, { texts, variables, templates }, body, now);
}

function missing(given: Readonly<Record<string, unknown>>): string[] {
  const has = (field: string): boolean => given[field] !== undefined;
  const isWhole = has('template') || (has('subject') && (has('text') || has('html')));
  return [
    ...(has('to') ? [] : ['to is needed']),
    ...(isWhole ? [] : ['template is needed, or subject and one of text and html']),
    ...(has('expiresAt') && has('expiresIn') ? ['expiresAt and expiresIn say the same: leave out either'] : []),
    ...(has(VARIABLES) && Object.keys(fieldsOf(given[VARIABLES])).length === 0 ? ['variables must have some'] : []),
  ];
}

/** Of a template that is a name and nothing else; which one Liquid makes of others is only known with a body. */
function templateFaults(
  given: Readonly<Record<string, unknown>>,
  templates: ReadonlyMap<string, TemplateFacts>,
): string[] {
  const { template } = given;
  if (typeof template !== 'string') return [];
  if (/\{[{%]/.test(template)) {
    const all = new Set([...templates.values()].flatMap(({ variables }) => Object.keys(variables)));
    const strange = Object.keys(fieldsOf(given[VARIABLES])).filter((name) => !all.has(name));
    return strange.map((name) => `variables.${name.slice(0, 100)} is none that any template has`);
  }
  const facts = templates.get(template.trim());
  if (!facts) return [`template is none of ${[...templates.keys()].sort().join(', ')}`];
  const named = Object.keys(fieldsOf(given[VARIABLES]));
  const known = Object.entries(facts.variables);
  return [
    ...named
      .filter((name) => !Object.hasOwn(facts.variables, name))
      .map(
        (name) =>
          `variables.${name.slice(0, 100)} is none that ${template.trim()} has: ${known.map(([one]) => one).join(', ')}`,
      ),
    ...known
      .filter(([name, { required }]) => required && !named.includes(name))
      .map(([name]) => `variables.${name} is needed by ${template.trim()}`),
    ...(facts.tellsExpiry && given['expiresAt'] === undefined && given['expiresIn'] === undefined
      ? [`expiresIn or expiresAt is needed by ${template.trim()}`]
      : []),
  ];
}

interface Pieces {
  texts: ReadonlyMap<string, Piece[]>;
  variables: ReadonlyMap<string, Piece[]>;
  templates: ReadonlyMap<string, TemplateFacts>;
}

/** @throws Problem `validation_failed` */
function mailOf(name: string, { texts, variables, templates }: Pieces, body: unknown, now: Date): HandedMail {
  const scope = { ...fieldsOf(body), now: now.toISOString() };
  const faults: FieldError[] = [];
  const render = (field: string, pieces: Piece[]): string => {
    try {
      return String((field === 'html' ? markup : plain).renderSync(pieces, scope)).trim();
    } catch (error) {
      const message = `cannot be made of this body by its mapping: ${firstLine(error)}`;
      faults.push({ field, code: 'not_mappable', message });
      return '';
    }
  };
  const filled = (pieces: ReadonlyMap<string, Piece[]>, before = ''): Record<string, string> =>
    Object.fromEntries(
      [...pieces].map(([field, one]) => [field, render(`${before}${field}`, one)]).filter(([, text]) => text !== ''),
    ) as Record<string, string>;
  const { to = '', dedupe, expiresAt, expiresIn, ...said } = filled(texts);
  const values = filled(variables, 'variables.');
  if (faults.length > 0) throw new Problem('validation_failed', { errors: faults });
  const address = addressAt(to, 'to');
  const facts = templates.get(said['template'] ?? '');
  // Where the body says which template it is, the variables are those of all of them.
  const taken = facts ? Object.entries(values).filter(([one]) => Object.hasOwn(facts.variables, one)) : [];
  const given = facts ? Object.fromEntries(taken) : values;
  if (facts && isWay(facts)) requireWay(given, 'variables.code');
  return {
    messages: [
      {
        ...{ to: address, lane: 'critical', tags: [`hook:generic/${name}`] },
        ...(said['template'] === undefined ? wordsOf(said) : { ...templateOf(said), variables: given }),
        ...expiry(expiresAt, expiresIn, now),
      },
    ],
    about: [parseEmailAddress(address)!.canonical, dedupe ?? [said, given]],
  };
}

/** Its mail is to carry a code or a link, and it can do without either. */
function isWay({ variables: { code, link } }: TemplateFacts): boolean {
  return code?.required === false && link?.required === false;
}

/** A mapping may have a template for some bodies, and words for the others. */
function templateOf({ template, locale }: Record<string, string>): Record<string, string> {
  return { template: template!, ...(locale === undefined ? {} : { locale }) };
}

function wordsOf({ locale: _, ...words }: Record<string, string>): Record<string, string> {
  return words;
}

function expiry(at: string | undefined, minutes: string | undefined, now: Date): { expiresAt?: string } {
  if (minutes === undefined) return at === undefined ? {} : { expiresAt: at };
  const count = /^\d{1,6}$/.test(minutes) ? Number(minutes) : 0;
  if (count < 1 || count > LONGEST)
    throw refusedMember('expiresIn', 'invalid_minutes', `must be a whole number of minutes from 1 to ${LONGEST}`);
  return { expiresAt: new Date(now.getTime() + count * MINUTE_MS).toISOString() };
}

/** Liquid goes on with the place in the text, over several lines. */
function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!.slice(0, 200);
}
