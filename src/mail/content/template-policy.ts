import { isOneLine } from '../../core/one-line.js';
import type { Lane } from '../../core/lanes.js';
import { type FieldError, MOST_NAMED } from '../../core/problems.js';

/** Characters of a variable; a subject that a message brings itself has at most as many as a line. */
const LONGEST = { line: 500, link: 2_000 };
/** Of the samples: minutes until what a mail carries is good no more. */
export const SAMPLE_MINUTES = 10;

/** What a message gives its template. `product`, `minutes` and `locale` come of ourselves. */
export interface TemplateVariable {
  /** A text in one line, or an address of the web. */
  type: 'line' | 'link';
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
  lane: Lane;
  /** Its words are erased at hand-over, and nobody but the recipient reads them. */
  secret: boolean;
  /** It says for how many minutes it is good, so its message expires. */
  tellsExpiry: boolean;
  variables: Readonly<Record<string, TemplateVariable>>;
}

type Variables = TemplateFacts['variables'];

const required = { required: true, secret: false } as const;
const optional = { required: false, secret: false } as const;

const REFERENCE: Variables = {
  reference: { ...required, type: 'line', sample: 'K7QX', description: 'Shown on the page that asks for the code too' },
};
const NOT_ME: TemplateVariable = {
  ...required,
  ...{ type: 'link', secret: true, sample: 'https://example.com/sample/not-me' },
  description: 'Where its recipient says that it was not them',
};
const LINK: TemplateVariable = {
  ...optional,
  ...{ type: 'link', secret: true, sample: 'https://example.com/sample' },
  description: 'The page that does what the code does',
};
const CODE: Variables = {
  code: { ...required, type: 'line', secret: true, sample: '123456', description: 'What they type' },
  ...REFERENCE,
  notMe: { ...NOT_ME, required: false },
};
const FACTS: Variables = {
  when: { ...required, type: 'line', sample: '21 November 2026, 12:03 UTC', description: 'When it happened' },
  device: { ...optional, type: 'line', sample: 'Firefox on Linux', description: 'On which device' },
  ip: { ...required, type: 'line', sample: '203.0.113.7', description: 'From which address' },
};
/** Of auth systems that hand their mail in: what they do not send is left out. */
const VALID: TemplateVariable = {
  ...optional,
  ...{ type: 'line', sample: '15', description: 'Minutes for which it works' },
};
const HANDED_CODE: Variables = {
  code: { ...optional, type: 'line', secret: true, sample: '123456', description: 'What they type' },
  link: LINK,
  validMinutes: VALID,
};
const NEW_ADDRESS: TemplateVariable = {
  ...required,
  ...{ type: 'line', sample: 'new@example.com', description: 'The address that the account is to have' },
};
const WHICH = (sample: string, description: string): Variables => ({
  what: { ...optional, type: 'line', sample, description },
});
const TAKE_BACK: Variables = { link: { ...LINK, required: true, description: 'The page that takes it back' } };

function template(variables: Variables, tellsExpiry = false): TemplateFacts {
  const secret = Object.values(variables).some((variable) => variable.secret);
  return { lane: 'critical', secret, tellsExpiry, variables };
}

/** One row a template; its words are in `templates/LOCALE/NAME`. */
export const TEMPLATES: Readonly<Record<string, TemplateFacts>> = {
  'register-code': template({ ...CODE, link: LINK }, true),
  'account-exists-code': template({ ...CODE, link: LINK }, true),
  'login-code': template({ ...CODE, link: LINK }, true),
  'reset-code': template({ ...CODE, link: LINK }, true),
  'verify-code': template({ ...CODE, link: LINK }, true),
  'change-email-code': template(CODE, true),
  'reauthenticate-code': template(CODE, true),
  'verification-code': template(CODE, true),
  'subscribe-confirm': template({
    ...CODE,
    link: { ...LINK, required: true, description: 'The page that confirms the subscription' },
  }),
  'no-account': template({ ...REFERENCE, notMe: NOT_ME }),
  'email-taken': template({ ...REFERENCE, notMe: NOT_ME }),
  'notice-new-device': template(FACTS),
  'notice-password-set': template(FACTS),
  'notice-password-changed': template(FACTS),
  'notice-password-removed': template(FACTS),
  'notice-email-changed': template(FACTS),
  'notice-email-changed-away': template({ ...FACTS, ...TAKE_BACK }),
  'notice-email-change-undone': template(FACTS),
  'notice-account-deleted': template(FACTS),
  'auth-confirm': template(HANDED_CODE),
  'auth-login': template(HANDED_CODE),
  'auth-recovery': template(HANDED_CODE),
  'auth-invite': template(HANDED_CODE),
  'auth-email-change': template({ ...HANDED_CODE, newAddress: NEW_ADDRESS }),
  'auth-reauthenticate': template(HANDED_CODE),
  'auth-passkey': template(HANDED_CODE),
  'auth-no-account': template({}),
  'auth-password-changed': template({}),
  'auth-address-changed': template({
    newAddress: { ...NEW_ADDRESS, required: false, description: 'The address that it has now' },
  }),
  'auth-phone-changed': template(WHICH('+15550100', 'The number that it had')),
  'auth-identity-linked': template(WHICH('github', 'With what they sign in')),
  'auth-identity-unlinked': template(WHICH('github', 'With what they signed in')),
  'auth-factor-added': template(WHICH('totp', 'The second step')),
  'auth-factor-removed': template(WHICH('totp', 'The second step')),
};

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
  const isLine = typeof value === 'string' && value.length <= LONGEST[type] && isOneLine(value);
  if (type === 'line') {
    const message = `must be a text in one line, of at most ${LONGEST.line} characters`;
    return isLine ? [] : [{ field, code: 'invalid_line', message }];
  }
  const message = `must be an address that begins with https:// or http://, of at most ${LONGEST.link} characters`;
  const isLink = isLine && /^https?:\/\/\S+$/i.test(value) && URL.canParse(value);
  return isLink ? [] : [{ field, code: 'invalid_link', message }];
}
