import { MINUTE_MS } from '../../core/durations.js';
import { fieldsOf, textOf } from '../providers/hook.js';
import { addressAt, filledIn, type HandedMail, localeIn, refusedMember, requireWay } from './handed-mail.js';
import type { TemplateName } from '../content/template-names.js';

interface Kind {
  template: TemplateName;
  /** Members of `template_data`. */
  code?: string;
  link?: string;
}

const NO_ACCOUNT: Kind = { template: 'auth-no-account' };

/** By `template_type`. https://github.com/ory/kratos, courier/template/type.go (July 2026) */
const KINDS: Readonly<Record<string, Kind>> = {
  recovery_valid: { template: 'auth-recovery', link: 'recovery_url' },
  recovery_code_valid: { template: 'auth-recovery', code: 'recovery_code', link: 'recovery_url' },
  verification_valid: { template: 'auth-confirm', link: 'verification_url' },
  verification_code_valid: { template: 'auth-confirm', code: 'verification_code', link: 'verification_url' },
  login_code_valid: { template: 'auth-login', code: 'login_code' },
  registration_code_valid: { template: 'auth-confirm', code: 'registration_code' },
  verifiable_address_changed: { template: 'auth-address-changed' },
  authenticator_key_added: { template: 'auth-identity-linked' },
  recovery_invalid: NO_ACCOUNT,
  recovery_code_invalid: NO_ACCOUNT,
  verification_invalid: NO_ACCOUNT,
  verification_code_invalid: NO_ACCOUNT,
};

export const KRATOS_TYPES = Object.keys(KINDS);

/** Milliseconds within which Kratos has sent a mail again that it was not told the fate of. */
const AGAIN_MS = 600_000;
/** Minutes; a year. */
const LONGEST = 525_600;

/**
 * The body that `deploy/kratos/otpost.jsonnet` makes. It has no id, so what is the same mail tells its recipient, type
 * and data: another code is another mail. What carries nothing that could differ is the same one for ten minutes only,
 * for who asks again later is to be answered again.
 * @throws Problem `validation_failed`
 */
export function readKratos(body: unknown, now: Date): HandedMail {
  const payload = fieldsOf(body);
  const to = addressAt(payload['recipient'], 'recipient');
  const type = textOf(payload['template_type']) ?? '';
  if (!Object.hasOwn(KINDS, type)) {
    const message = `must be one of ${KRATOS_TYPES.join(', ')}; a newer one needs a newer Otpost`;
    throw refusedMember('template_type', 'unknown_type', message);
  }
  const { template, code, link } = KINDS[type]!;
  const data = fieldsOf(payload['template_data']);
  const isWay = code !== undefined || link !== undefined;
  const minutes = isWay ? minutesIn(data['expires_in_minutes']) : undefined;
  const variables = filledIn({
    code: code && data[code],
    link: link && data[link],
    validMinutes: minutes,
  });
  if (isWay) requireWay(variables, `template_data.${code ?? link}`);
  const locale = localeIn(payload['locale']);
  const time = template === NO_ACCOUNT.template ? Math.floor(now.getTime() / AGAIN_MS) : 0;
  return {
    messages: [
      {
        ...{ to, template, variables, lane: 'critical', tags: ['hook:kratos'] },
        ...(locale === undefined ? {} : { locale }),
        ...(minutes === undefined ? {} : { expiresAt: new Date(now.getTime() + minutes * MINUTE_MS).toISOString() }),
      },
    ],
    about: [to.toLowerCase(), type, data, time],
  };
}

function minutesIn(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= LONGEST
    ? (value as number)
    : undefined;
}
