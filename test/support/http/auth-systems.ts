import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import type { HookPost } from './provider-hooks.js';

const json = { 'content-type': 'application/json' };

/** A secret as Supabase makes it. */
export function hookSecret(): string {
  return `v1,whsec_${randomBytes(32).toString('base64')}`;
}

/** Signs as Supabase's auth server does: with each secret it has, the signatures joined by a comma and a blank. */
export function signedBySupabase(
  body: string,
  secrets: readonly string[],
  { at = new Date(), between = ', ' }: { at?: Date; between?: string } = {},
): HookPost {
  const id = randomUUID();
  const seconds = Math.floor(at.getTime() / 1_000);
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace('v1,whsec_', ''), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
  });
  const headers = {
    ...json,
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signatures.join(between),
  };
  return { headers, body };
}

interface SupabaseUser {
  email?: string;
  new_email?: string;
  user_metadata?: Record<string, unknown>;
}

/** The body of a Send Email Hook with all members that it has (August 2026). */
export function supabaseBody(
  action: string,
  user: SupabaseUser,
  data: Record<string, string> = {},
  uuid: string = randomUUID(),
) {
  return {
    metadata: { uuid, time: '2026-11-29T12:00:00.123456789Z', name: 'send-email', ip_address: '203.0.113.7' },
    user: {
      ...{ id: randomUUID(), aud: 'authenticated', role: 'authenticated', phone: '', is_anonymous: false },
      ...{ app_metadata: { provider: 'email', providers: ['email'] }, user_metadata: {}, identities: [] },
      ...user,
    },
    email_data: {
      ...{
        token: '',
        token_hash: '',
        redirect_to: 'http://localhost:3000/',
        site_url: 'https://ref.supabase.example/auth/v1',
      },
      ...{ token_new: '', token_hash_new: '', old_email: '', old_phone: '', provider: '', factor_type: '' },
      ...data,
      email_action_type: action,
    },
  };
}

/** The body that deploy/kratos/otpost.jsonnet makes. */
export function kratosBody(type: string, recipient: string, data: Record<string, unknown> = {}, locale?: string) {
  return { recipient, template_type: type, template_data: data, ...(locale === undefined ? {} : { locale }) };
}

/** What Kratos gives its Jsonnet. */
export function kratosContext(type: string, recipient: string, data: Record<string, unknown> = {}) {
  return {
    ...{ recipient, subject: 'Of Kratos', body: 'By Kratos', html_body: '<p>By Kratos</p>', template_type: type },
    template_data: {
      ...{ to: recipient, request_url: 'https://id.example.com/self-service', transient_payload: {} },
      identity: { id: randomUUID(), traits: { email: recipient, name: 'Ada', language: 'de_AT' } },
      ...data,
    },
    ...{ message_type: 'email', request_headers: null },
  };
}

/** The body of Zitadel's HTTP provider. */
export function zitadelBody(event: string, recipient: string, url: string, args: Record<string, unknown> = {}) {
  return {
    contextInfo: {
      eventType: event,
      provider: { id: '285181292935381355', description: '' },
      recipientEmailAddress: recipient,
    },
    templateData: {
      ...{ title: 'Acme - A mail', preHeader: 'A mail', subject: 'A mail of Acme', greeting: 'Hello Ada,' },
      ...{ text: 'Something happened & it matters.', buttonText: 'Go on', primaryColor: '#5469d4' },
      ...(url === '' ? {} : { url }),
    },
    args: { code: '', userName: 'ada', displayName: 'Ada', lastEmail: recipient, verifiedEmail: recipient, ...args },
  };
}

/** Signs as Zitadel does: HMAC over time, dot and body. */
export function signedByZitadel(body: string, keys: readonly string[], at = new Date()): HookPost {
  const seconds = Math.floor(at.getTime() / 1_000);
  const parts = keys.map((key) => `v1=${createHmac('sha256', key).update(`${seconds}.${body}`).digest('hex')}`);
  return { headers: { ...json, 'zitadel-signature': [`t=${seconds}`, ...parts].join(',') }, body };
}
