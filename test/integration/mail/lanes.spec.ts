import { Keyring } from '../../../src/core/keyring.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const BACKLOG = 5_000;
const CODES = 30;

describe('a code, with 5,000 bulk mails waiting and the rate of the transport used up', () => {
  let sink: SmtpSink;
  let otpost: Otpost;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, MAIL_RATE: '300/min' });
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  async function fillBulk(): Promise<void> {
    const keyring = new Keyring(TEST_SECRET);
    const ids = await otpost.database.query<{ id: string }>(
      'SELECT gen_random_uuid() AS id FROM generate_series(1, $1)',
      [BACKLOG],
    );
    const rows = ids.map(({ id }) => {
      const { bytes, keyId } = keyring.seal(JSON.stringify({ subject: 'News', text: 'News.' }), `email:${id}`);
      return { id, sealed: Buffer.from(bytes).toString('hex'), key: keyId };
    });
    await otpost.database.query(
      `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables,
         seal_key_id, secret, max_attempts, message_id)
       SELECT id, 'bulk', 'queued', 'news@example.com', 'reader@example.com', 'reader@example.com', 'en',
         decode(sealed, 'hex'), key, false, 8, '<' || id || '@example.com>'
       FROM jsonb_to_recordset($1::jsonb) AS r (id uuid, sealed text, key text)`,
      [JSON.stringify(rows)],
    );
  }

  const bulkTaken = () => sink.received.filter(({ to }) => to.includes('reader@example.com')).length;

  it('overtakes all of them, and the rate holds', async () => {
    const begun = performance.now();
    await fillBulk();
    await eventually(() => bulkTaken() >= 20, 'the burst to be used up');
    for (let n = 0; n < CODES; n++) {
      const email = `code${n}@example.com`;
      await otpost.api.register(email);
      await sink.waitForMailTo(email);
    }
    const seconds = (performance.now() - begun) / 1_000;
    // In turn the first code would have come after all of them.
    expect(bulkTaken()).toBeLessThan(BACKLOG);
    // 5 a second and one burst of 30; one more for the second that has begun. A busy machine sends fewer.
    expect(sink.received.length).toBeLessThanOrEqual(Math.ceil(seconds * 5) + 30 + 5);
    expect(bulkTaken()).toBeGreaterThan(0);
  });
});
