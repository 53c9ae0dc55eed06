import { isOneLine } from '../../core/one-line.js';
import type { MailLane } from '../../core/lanes.js';
import { type FieldError, MOST_NAMED } from '../../core/problems.js';

/** A text in one line, an address of the web, or a text of several paragraphs. */
export const VARIABLE_TYPES = ['line', 'link', 'text'] as const;
export type VariableType = (typeof VARIABLE_TYPES)[number];

/** Characters of a variable; a subject that a message brings itself has at most as many as a line. */
const LONGEST: Readonly<Record<VariableType, number>> = { line: 500, link: 2_000, text: 50_000 };
/** Of the samples: minutes until what a mail carries is good no more. */
export const SAMPLE_MINUTES = 10;

/** What every template may use besides its variables: no message gives it. */
export const OF_OURSELVES: readonly string[] = [
  'product',
  'minutes',
  'locale',
  'dir',
  'start',
  'brand',
  'unsubscribeUrl',
];

/** Stand in for them where a template is checked. */
export const SAMPLES_OF_OURSELVES: Readonly<Record<string, unknown>> = {
  ...{ product: 'Acme', minutes: SAMPLE_MINUTES, locale: 'en', dir: 'ltr', start: 'left' },
  unsubscribeUrl: 'https://example.com/unsubscribe',
  brand: {
    ...{ logoUrl: '', color: '#146c5c', onColor: '#ffffff', linkColor: '#146c5c' },
    ...{ support: '', supportScheme: 'mailto:', address: '' },
  },
};

/** What a message gives its template; the rest, of OF_OURSELVES, comes of ourselves. */
export interface TemplateVariable {
  type: VariableType;
  /**
   * Where it is not, the template leaves out what has none. So is every variable that a template gains: mail that a
   * former build accepted comes without it, for in an upgrade its web processes run beside our workers.
   */
  required: boolean;
  /** Whoever knows it may do what its recipient may. */
  secret: boolean;
  sample: string;
  description: string;
}

/** What a template is, whatever its words in each language. */
export interface TemplateFacts {
  /** Of a message that names none. */
  lane: MailLane;
  /** Its words are erased at hand-over, and nobody but the recipient reads them. */
  secret: boolean;
  /** It says for how many minutes it is good, so its message expires. */
  tellsExpiry: boolean;
  variables: Readonly<Record<string, TemplateVariable>>;
}

type Variables = TemplateFacts['variables'];

/** What stands where nothing is given. */
export function defaultsOf({ variables }: TemplateFacts): Record<string, string> {
  return valuesOf(variables, ({ required: needed }) => (needed ? undefined : ''));
}

export function samplesOf({ variables }: TemplateFacts): Record<string, string> {
  return valuesOf(variables, ({ sample }) => sample);
}

function valuesOf(variables: Variables, of: (one: TemplateVariable) => string | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, one]): [string, string][] => {
      const value = of(one);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** What is wrong with the variables that a template is to have: each that is missing, unfit or unknown. */
export function variableFaults({ variables }: TemplateFacts, given: Readonly<Record<string, unknown>>): FieldError[] {
  const isLeftOut = (name: string): boolean => given[name] === undefined || given[name] === '';
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(variables, name));
  return [
    ...Object.entries(variables).flatMap(([name, variable]) => {
      const field = `variables.${name}`;
      if (!isLeftOut(name)) return valueFault(field, variable, given[name]);
      return variable.required ? [{ field, code: 'required', message: 'is needed by the template' }] : [];
    }),
    ...unknown.slice(0, MOST_NAMED).map((name) => ({
      field: `variables.${name.slice(0, 100)}`,
      code: 'unknown_variable',
      message: `is not a variable of the template: ${Object.keys(variables).join(', ')} are`,
    })),
  ];
}

/** What nobody gives a test: it would be a code that works, in a mail that is kept and shown like any other. */
export function testFaults({ variables }: TemplateFacts, given: Readonly<Record<string, unknown>>): FieldError[] {
  return Object.keys(given)
    .filter((name) => Object.hasOwn(variables, name) && variables[name]!.secret)
    .map((name) => ({ field: `variables.${name}`, code: 'sample_only', message: 'is always the sample in a test' }));
}

function valueFault(field: string, { type }: TemplateVariable, value: unknown): FieldError[] {
  if (type === 'text') {
    // Lines may end; what else no field of a message can hold, a text cannot either.
    const isText =
      typeof value === 'string' && value.length <= LONGEST.text && isOneLine(value.replaceAll(/\r?\n|\t/g, ' '));
    const message = `must be a text of at most ${LONGEST.text} characters`;
    return isText ? [] : [{ field, code: 'invalid_text', message }];
  }
  const isLine = typeof value === 'string' && value.length <= LONGEST[type] && isOneLine(value);
  if (type === 'line') {
    const message = `must be a text in one line, of at most ${LONGEST.line} characters`;
    return isLine ? [] : [{ field, code: 'invalid_line', message }];
  }
  const message = `must be an address that begins with https:// or http://, of at most ${LONGEST.link} characters`;
  const isLink = isLine && /^https?:\/\/\S+$/i.test(value) && URL.canParse(value);
  return isLink ? [] : [{ field, code: 'invalid_link', message }];
}
