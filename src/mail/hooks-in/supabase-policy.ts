import type { SubmittedMessage } from '../submission/draft-policy.js';
import { type Fields, fieldsOf, textOf } from '../providers/hook.js';
import { addressAt, filledIn, type HandedMail, localeIn, refusedMember, requireWay } from './handed-mail.js';
import type { TemplateName } from '../content/template-names.js';

/** By `email_action_type`: mails with a code, and with a link where there is a page to open. */
const CODES: Readonly<Record<string, { template: TemplateName; link: boolean }>> = {
  signup: { template: 'auth-confirm', link: true },
  recovery: { template: 'auth-recovery', link: true },
  invite: { template: 'auth-invite', link: true },
  magiclink: { template: 'auth-login', link: true },
  email: { template: 'auth-login', link: true },
  reauthentication: { template: 'auth-reauthenticate', link: false },
};
/** Notices, and the member of `email_data` that says what it was. */
const NOTICES: Readonly<Record<string, { template: TemplateName; what?: string }>> = {
  password_changed_notification: { template: 'auth-password-changed' },
  phone_changed_notification: { template: 'auth-phone-changed', what: 'old_phone' },
  identity_linked_notification: { template: 'auth-identity-linked', what: 'provider' },
  identity_unlinked_notification: { template: 'auth-identity-unlinked', what: 'provider' },
  mfa_factor_enrolled_notification: { template: 'auth-factor-added', what: 'factor_type' },
  mfa_factor_unenrolled_notification: { template: 'auth-factor-removed', what: 'factor_type' },
};
const EMAIL_CHANGE = 'email_change';
const EMAIL_CHANGED = 'email_changed_notification';

export const SUPABASE_ACTIONS = [...Object.keys(CODES), EMAIL_CHANGE, ...Object.keys(NOTICES), EMAIL_CHANGED];

/**
 * The body of the Send Email Hook. Each try of one mail has the same `metadata.uuid`, and another webhook-id.
 * How long a code works it does not say. https://github.com/supabase/auth, internal/api/mail.go (August 2026)
 * @throws Problem `validation_failed`
 */
export function readSupabase(body: unknown): HandedMail {
  const payload = fieldsOf(body);
  const user = fieldsOf(payload['user']);
  const data = fieldsOf(payload['email_data']);
  const metadata = fieldsOf(user['user_metadata']);
  const locale = localeIn(metadata['locale'], metadata['language']);
  const common = { lane: 'critical', tags: ['hook:supabase'], ...(locale === undefined ? {} : { locale }) } as const;
  const messages = mailsOf(user, data).map((mail): SubmittedMessage => ({ ...mail, ...common }));
  const uuid = textOf(fieldsOf(payload['metadata'])['uuid']);
  // Before 2025 it had no metadata.
  const id = uuid !== undefined && /^[\x20-\x7e]{1,64}$/.test(uuid) ? uuid : undefined;
  return { messages, id, about: messages };
}

type Mail = Pick<SubmittedMessage, 'to' | 'template' | 'variables'>;

function mailsOf(user: Fields, data: Fields): Mail[] {
  const action = textOf(data['email_action_type']) ?? '';
  if (action === EMAIL_CHANGE) return emailChange(user, data);
  if (action === EMAIL_CHANGED) {
    // To the address that it was: who took the account over reads the new one.
    const [field, to] = textOf(data['old_email'])
      ? ['email_data.old_email', data['old_email']]
      : ['user.email', user['email']];
    const variables = filledIn({ newAddress: user['email'] });
    return [{ to: addressAt(to, field), template: 'auth-address-changed', variables }];
  }
  const to = addressAt(user['email'], 'user.email');
  if (Object.hasOwn(CODES, action)) {
    const { template, link } = CODES[action]!;
    const variables = codeOf(data, { code: 'token', hash: link ? 'token_hash' : undefined, type: action });
    return [{ to, template, variables }];
  }
  if (Object.hasOwn(NOTICES, action)) {
    const { template, what } = NOTICES[action]!;
    return [{ to, template, variables: what === undefined ? {} : filledIn({ what: data[what] }) }];
  }
  throw refusedMember(
    'email_data.email_action_type',
    'unknown_type',
    `must be one of ${SUPABASE_ACTIONS.join(', ')}; a newer one needs a newer Otpost`,
  );
}

/**
 * Two mails where both addresses confirm. Their fields are crossed: the hash that goes with `token` is in
 * `token_hash_new`. One where only the new one does, and then `token` and `token_hash` are its own.
 */
function emailChange(user: Fields, data: Fields): Mail[] {
  const newAddress = addressAt(user['new_email'], 'user.new_email');
  const mail = (to: string, code: string, hash: string): Mail => ({
    to,
    template: 'auth-email-change',
    variables: { newAddress, ...codeOf(data, { code, hash, type: EMAIL_CHANGE }) },
  });
  if (textOf(data['token_new']) === undefined && textOf(data['token_hash_new']) === undefined)
    return [mail(newAddress, 'token', 'token_hash')];
  return [
    mail(addressAt(user['email'], 'user.email'), 'token', 'token_hash_new'),
    mail(newAddress, 'token_new', 'token_hash'),
  ];
}

function codeOf(
  data: Fields,
  { code, hash, type }: { code: string; hash: string | undefined; type: string },
): Record<string, string> {
  const given = hash === undefined ? undefined : textOf(data[hash]);
  const variables = filledIn({ code: data[code], link: given && linkOf(data, given, type) });
  requireWay(variables, `email_data.${code}`);
  return variables;
}

/** @throws Problem */
function linkOf(data: Fields, hash: string, type: string): string {
  const site = textOf(data['site_url']) ?? '';
  if (!/^https?:\/\/[^\s?#]+$/i.test(site) || !URL.canParse(site))
    throw refusedMember(
      'email_data.site_url',
      'invalid_link',
      'must be the http:// or https:// address of the auth server',
    );
  const redirect = textOf(data['redirect_to']) ?? '';
  // As the auth server itself does it: what has none of these is encoded already, or needs not be.
  const to = /[&=#\s]/.test(redirect) ? encodeURIComponent(redirect) : redirect;
  return `${site.replace(/(?<!\/)\/+$/, '')}/verify?token=${encodeURIComponent(hash)}&type=${encodeURIComponent(type)}&redirect_to=${to}`;
}
