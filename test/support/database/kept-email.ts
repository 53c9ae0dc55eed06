import { uuidv7 } from '../../../src/core/ids.js';
import type { TestDatabase } from './postgres.js';

export interface KeptEmail {
  status?: string;
  to?: string;
  recipients?: { kind: 'to' | 'cc' | 'bcc'; address: string; name: null; canonical: string }[];
  from?: string;
  lane?: string;
  template?: string;
  tags?: string[];
  transport?: string;
  errorCode?: string;
  reply?: string;
  subject?: string;
  apiKeyId?: string;
  splitFrom?: string;
  expiresAt?: Date;
  /** Null: it was erased. */
  content?: null;
  /** Days ago; now unless it is said. */
  daysAgo?: number;
}

let last = 0;

/** A message in whatever state, with all that triggers make of it. Ids grow, however many are made in a millisecond. */
export async function keepEmail(database: Pick<TestDatabase, 'query'>, email: KeptEmail = {}): Promise<string> {
  const { status = 'sent', to = 'ada@example.com', recipients = null, daysAgo = 0 } = email;
  const now = Date.now() - daysAgo * 86_400_000;
  last = daysAgo > 0 ? last : Math.max(now, last + 1);
  const id = uuidv7(new Date(daysAgo > 0 ? now : last));
  await database.query(
    `INSERT INTO outbound_emails (id, lane, channel, status, from_address, to_address, to_canonical, recipients, template, locale, sealed_variables,
       seal_key_id, secret, max_attempts, attempts, message_id, transport, last_error_code, last_reply, subject, api_key_id, split_from, tags,
       expires_at, next_attempt_at, created_at, lease_token, lease_until)
     VALUES ($1::uuid, $2::lane, CASE $2 WHEN 'sms' THEN 'sms' ELSE 'email' END::channel, $3::text::email_status, $4, $5, $6, $7::jsonb, $8, 'en', $9, 'k', false, 3, 1, $1::uuid::text, $10, $11, $12, $13, $14, $15, $16,
       $17, now() + interval '1 hour', now() - $18::float8 * interval '1 day', CASE WHEN $3::text = 'sending' THEN gen_random_uuid() END,
       CASE WHEN $3::text = 'sending' THEN now() + interval '1 hour' END)`,
    [
      ...[
        id,
        email.lane ?? 'default',
        status,
        email.from ?? 'no-reply@example.com',
        to,
        recipients ? '' : to.toLowerCase(),
      ],
      ...[
        recipients && JSON.stringify(recipients),
        email.template ?? null,
        email.content === null ? null : Buffer.from([1]),
      ],
      ...[email.transport ?? null, email.errorCode ?? null, email.reply ?? null, email.subject ?? null],
      ...[email.apiKeyId ?? null, email.splitFrom ?? null, email.tags ?? [], email.expiresAt ?? null, daysAgo],
    ],
  );
  return id;
}
