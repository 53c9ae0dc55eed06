import { randomBytes } from 'node:crypto';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { Ledger } from '../../../src/mail/outbox/ledger.js';
import { PART_BYTES } from '../../../src/mail/files/file-parts.js';
import { runScheduled } from '../../support/database/scheduled-run.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

const RECIPIENTS = 10_000;
const AT_ONCE = 1_000;
const PDF = randomBytes(2 * PART_BYTES + 1);
const DAYS = 10;

/** No worker: what is stored is looked at, and not what becomes of it. */
describe('one PDF for ten thousand', () => {
  let otpost: Otpost;
  let key: string;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', RETENTION_DAYS: String(DAYS) });
    key = await createApiKey(otpost.database.url);
  });
  afterAll(() => otpost.stop());

  const stored = async (): Promise<Record<string, number>> => {
    const [row] = await otpost.database.query<Record<string, number>>(
      `SELECT (SELECT count(*)::int FROM outbound_emails) AS messages, (SELECT count(*)::int FROM email_events) AS events,
         (SELECT count(*)::int FROM email_contents) AS contents, (SELECT count(*)::int FROM email_content_files) AS "filesOfContents",
         (SELECT count(*)::int FROM stored_files) AS files, (SELECT count(*)::int FROM stored_file_parts) AS parts,
         (SELECT sum(length(sealed))::int FROM stored_file_parts) AS bytes, (SELECT count(*)::int FROM email_terms) AS terms`,
    );
    return row!;
  };
  const clean = async (): Promise<void> => {
    for (const task of ['mail.retention', 'mail.contents', 'mail.files']) await runScheduled(otpost.database, task);
  };

  it('is stored once, and kept as long as one of them needs it', async () => {
    const authorization = `Bearer ${key}`;
    const upload = await fetch(`${otpost.api.url}/v1/uploads`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/octet-stream' },
      body: PDF,
    });
    const { uploadId } = (await upload.json()) as { uploadId: string };
    for (let start = 0; start < RECIPIENTS; start += AT_ONCE) {
      const messages = Array.from({ length: AT_ONCE }, (_, n) => ({
        to: `ada${start + n}@example.com`,
        subject: 'Your invoice',
        text: `Number ${start + n}.`,
        lane: 'bulk',
        tags: ['invoices'],
        attachments: [{ filename: 'invoice.pdf', uploadId }],
      }));
      const { status, body } = await otpost.api.post<{ items: { status: string }[] }>('/v1/emails/batch', messages, {
        authorization,
      });
      expect([status, body.items.filter((item) => item.status === 'queued').length]).toEqual([202, AT_ONCE]);
    }
    const { bytes, ...counted } = await stored();
    expect(counted).toEqual({
      messages: RECIPIENTS,
      events: RECIPIENTS,
      contents: RECIPIENTS,
      filesOfContents: RECIPIENTS,
      files: 1,
      parts: 3,
      terms: 4 * RECIPIENTS, // to, from, key, tag
    });
    // Sealing adds a nonce and a tag to each part.
    expect(bytes! - PDF.length).toBeLessThan(3 * 64);

    // While they wait they are needed, however old they are.
    await grownOld();
    await clean();
    expect(await stored()).toMatchObject({ messages: RECIPIENTS, contents: RECIPIENTS, files: 1, parts: 3 });
  });

  it('and its content are gone once they are over and their time has passed', async () => {
    await otpost.database.query(`UPDATE outbound_emails SET status = 'sent' WHERE to_address <> 'ada7@example.com'`);
    await clean();
    expect(await stored()).toMatchObject({
      messages: 1,
      contents: 1,
      filesOfContents: 1,
      files: 1,
      parts: 3,
      terms: 4,
    });

    await otpost.database.query(`UPDATE outbound_emails SET status = 'failed'`);
    // What was needed when it was looked at last is looked at again a day later.
    await otpost.database.query(`UPDATE stored_files SET kept_until = now() - interval '1 second'`);
    await clean();
    expect(await stored()).toEqual({
      messages: 0,
      events: 0,
      contents: 0,
      filesOfContents: 0,
      files: 0,
      parts: 0,
      bytes: null,
      terms: 0,
    });
    const prisma = new PrismaService({ url: otpost.database.url, poolSize: 1 });
    expect(await new Ledger(prisma).read()).toMatchObject({ accepted: RECIPIENTS, imbalance: 0 });
    await prisma.$disconnect();
  });

  /** As if all of it had come long ago. Ids carry the time too. */
  async function grownOld(): Promise<void> {
    const older = (id: string): string =>
      `(lpad(to_hex(('x' || substr(replace(${id}::text, '-', ''), 1, 12))::bit(48)::bigint - ${(DAYS + 1) * 86_400_000}), 12, '0') || substr(replace(${id}::text, '-', ''), 13))::uuid`;
    await otpost.database.query(`
      WITH events AS (SELECT id, email_id FROM email_events), gone AS (DELETE FROM email_terms RETURNING term, email_id),
        terms AS (INSERT INTO email_terms SELECT term, ${older('email_id')} FROM gone)
      UPDATE outbound_emails SET id = ${older('id')}, created_at = created_at - interval '${DAYS + 1} days'`);
    await otpost.database.query(`UPDATE email_events SET at = at - interval '${DAYS + 1} days'`);
    await otpost.database.query(`UPDATE email_contents SET created_at = created_at - interval '${DAYS + 1} days'`);
    await otpost.database.query(`UPDATE stored_files SET kept_until = now() - interval '1 second'`);
  }
});
