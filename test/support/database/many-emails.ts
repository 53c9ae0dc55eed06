import type { EmailFilter } from '../../../src/mail/outbox/search-statement.js';
import type { TestDatabase } from './postgres.js';

/** Of {@link fillOutbox}. */
export const SENT_KEY = '00000000-0000-7000-8000-00000000000a';
/** The key before it in its line, which sent a tenth of what both did; and the one after it, which sent nothing. */
const FORMER_KEY = '00000000-0000-7000-8000-000000000009';
const NEXT_KEY = '00000000-0000-7000-8000-00000000000b';

const DAY_MS = 86_400_000;

/** Each filter there is, some with words that hardly any message has. */
export const FILTERS: Record<string, EmailFilter> = {
  nothing: {},
  status: { statuses: ['failed'] },
  'two statuses': { statuses: ['failed', 'bounced'] },
  'status, of nearly all': { statuses: ['sent'] },
  'status, of few without an index': { statuses: ['queued'] },
  to: { to: 'u77@example.com' },
  from: { from: 'shop@example.com' },
  template: { template: 'receipt' },
  tag: { tag: 'spring' },
  lane: { lane: 'default' },
  'lane, of none': { lane: 'critical' },
  transport: { transport: 'ses' },
  errorCode: { errorCode: 'smtp_550' },
  apiKey: { apiKey: SENT_KEY },
  broadcast: { broadcast: SENT_KEY },
  'owner, with one key': { owners: [SENT_KEY] },
  'owner, with a line of keys': { owners: [FORMER_KEY, SENT_KEY, NEXT_KEY] },
  q: { q: 'ORDER' },
  'q, of none': { q: 'nothing like that' },
  since: { since: new Date(Date.now() - 3 * DAY_MS) },
  until: { until: new Date(Date.now() - 20 * DAY_MS) },
};

/**
 * So many messages over the last 40 days, as a record of them looks: nearly all sent; a few of each other state, with
 * its code; a quarter by one key and its former one, with a template; each twentieth with a tag; 100 to each recipient.
 * Written without triggers, so that the ledger does not know of them.
 */
export async function fillOutbox(database: TestDatabase, count: number): Promise<void> {
  const of = (
    n: string,
  ): string => `(lpad(to_hex((1000 * extract(epoch FROM now()))::bigint - (${count} - ${n}) * ${40 * 86_400_000} / ${count}), 12, '0')
    || '70008000' || lpad(to_hex(${n}), 12, '0'))::uuid`;
  await database.query(`
    BEGIN;
    SET LOCAL session_replication_role = replica;
    SET LOCAL synchronous_commit = off;
    INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, max_attempts, message_id,
      subject, template, tags, api_key_id, transport, last_error_code, last_reply, attempts, created_at)
    SELECT ${of('n')}, (CASE n % 3 WHEN 0 THEN 'default' ELSE 'bulk' END)::lane, status::email_status, 'shop@example.com',
      'u' || n % ${count / 100} || '@example.com', 'u' || n % ${count / 100} || '@example.com', 'en', 'x', false, 3, '<' || n || '@example.com>',
      'Order ' || n, CASE WHEN n % 4 = 1 THEN 'receipt' END, CASE WHEN n % 20 = 0 THEN ARRAY['spring'] ELSE '{}' END,
      CASE WHEN n % 40 = 1 THEN '${FORMER_KEY}'::uuid WHEN n % 4 = 1 THEN '${SENT_KEY}'::uuid END, CASE WHEN n % 5 = 0 THEN 'smtp' ELSE 'ses' END,
      CASE WHEN status IN ('failed', 'deferred') THEN 'smtp_550' END, CASE WHEN status = 'failed' THEN '550 no such user' END, 1,
      now() - (${count} - n) * interval '40 days' / ${count}
    FROM generate_series(1, ${count}) AS n
    CROSS JOIN LATERAL (SELECT CASE n % 1000 WHEN 7 THEN 'failed' WHEN 8 THEN 'deferred' WHEN 9 THEN 'unknown' WHEN 10 THEN 'bounced' WHEN 11 THEN 'cancelled'
      WHEN 12 THEN 'queued' ELSE 'sent' END AS status) AS s;
    COMMIT`);
  // An index is made of all at once in half the time.
  await database.query(`
    ALTER TABLE email_terms DROP CONSTRAINT email_terms_pkey;
    INSERT INTO email_terms (term, email_id)
    SELECT 'to:' || to_canonical, id FROM outbound_emails
    UNION ALL SELECT 'tag:spring', id FROM outbound_emails WHERE tags = '{spring}'
    UNION ALL SELECT unnest(ARRAY['template:receipt', 'key:' || api_key_id, 'from:shop@example.com']), id FROM outbound_emails WHERE api_key_id IS NOT NULL;
    ALTER TABLE email_terms ADD CONSTRAINT email_terms_pkey PRIMARY KEY (term, email_id)`);
  await database.query('VACUUM ANALYZE outbound_emails, email_terms');
}
