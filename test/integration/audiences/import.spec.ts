import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AudienceClient, type ImportBody } from '../../support/service/audience.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { sized } from '../../support/faults/fault-form.js';
import { eventually } from '../../support/signals/wait.js';

const MB = 1024 * 1024;
const ROWS = sized(50_000, 100_000);
const FAULTS_OF_EACH = Math.ceil(ROWS / 700);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes that something refers to. */
function held(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('an import of subscribers', () => {
  let otpost: Otpost;
  let key: string;
  let audience: AudienceClient;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    key = await createApiKey(otpost.database.url, ['audiences']);
  });
  beforeEach(async () => {
    audience = await AudienceClient.make(otpost.api, key);
  });
  afterAll(() => otpost.stop());

  async function done(body: Buffer | string, type?: string, accepting?: () => void): Promise<ImportBody> {
    const accepted = await audience.import(body, type);
    accepting?.();
    expect([accepted.status, accepted.body]).toEqual([202, expect.objectContaining({ status: 'running' })]);
    return eventually(async () => {
      const { body: look } = await audience.look(accepted.body.id);
      return look.status !== 'running' && look;
    }, 'the end of the import');
  }

  const people = () =>
    otpost.database.query<{
      address: string;
      attributes: Record<string, string>;
      locale: string | null;
      status: string;
    }>('SELECT address, attributes, locale, status FROM subscribers WHERE audience_id = $1 ORDER BY address', [
      audience.id,
    ]);
  const codes = ({ faults }: ImportBody) => faults.map(({ line, code }) => [line, code]);

  it('of many rows with bad ones of each kind names each of these by its line, and holds little of it in memory', async () => {
    const lines: Buffer[] = [Buffer.from('\ufeffEmail,Name,Plan Name\r\n')];
    const expected: Record<string, number[]> = {};
    const text = (line: string): Buffer => Buffer.from(`${line}\r\n`);
    const kinds: [code: string, make: (n: number) => Buffer][] = [
      ['invalid_address', (n) => text(`not an address ${n},Ada,pro`)],
      ['address_missing', () => text(',Ada,pro')],
      [
        'invalid_utf8',
        (n) => Buffer.concat([Buffer.from(`x${n}@example.com,Ad`), Buffer.from([0xff, 0xfe]), text(',pro')]),
      ],
      ['nul', (n) => text(`y${n}@example.com,A\0da,pro`)],
      ['column_missing', (n) => text(`z${n}@example.com;Ada;pro`)],
      ['invalid_quotes', (n) => text(`q${n}@example.com,"Ada,pro`)],
      ['duplicate', (n) => text(`ada${n * 10}@example.com,Again,pro`)],
    ];
    let number = 1;
    for (let n = 0; n < ROWS; n++) {
      lines.push(text(`ada${n}@example.com,"Lovelace, Ada ${n}",pro`));
      number += 1;
      if (n % 700 !== 699) continue;
      for (const [code, make] of kinds) {
        lines.push(make(Math.floor(n / 700)));
        (expected[code] ??= []).push((number += 1));
      }
    }
    // A line of 10 MB, which nothing may hold.
    lines.push(text(`long@example.com,${'x'.repeat(10 * MB)},pro`));
    expected['too_long'] = [(number += 1)];
    lines.push(Buffer.from('last@example.com,Last,pro'));
    number += 1;

    const file = Buffer.concat(lines);
    const before = held();
    let most = 0;
    let watching: NodeJS.Timeout | undefined;
    const report = await done(file, undefined, () => {
      watching = setInterval(() => (most = Math.max(most, held())), 1_000);
    });
    clearInterval(watching);

    expect(report).toMatchObject({
      status: 'done',
      delimiter: ',',
      columns: ['email', 'Name', 'Plan_Name'],
      position: file.length,
      totals: { lines: number, created: ROWS + 1, updated: 0, duplicates: expected['duplicate']!.length },
      moreFaults: 0,
    });
    expect(expected['invalid_address']!.length).toBeGreaterThanOrEqual(FAULTS_OF_EACH - 1);
    expect(Object.keys(report.badByCode).sort()).toEqual(
      Object.keys(expected)
        .filter((code) => code !== 'duplicate')
        .sort(),
    );
    for (const [code, at] of Object.entries(expected)) {
      expect([code, report.faults.filter((fault) => fault.code === code).map(({ line }) => line)]).toEqual([code, at]);
    }
    const bad = Object.entries(expected).filter(([code]) => code !== 'duplicate');
    expect(report.badByCode).toEqual(Object.fromEntries(bad.map(([code, at]) => [code, at.length])));
    const [first] = await otpost.database.query(
      `SELECT attributes FROM subscribers WHERE address = 'ada1@example.com' AND audience_id = $1`,
      [audience.id],
    );
    expect(first).toEqual({ attributes: { Name: 'Lovelace, Ada 1', Plan_Name: 'pro' } });
    // The long line as bytes, as text, and with what is under way of it, is 30 MB, and for a moment 50 (seen on a busy
    // machine); of rows, 1 kB each is made: all at once were 50 MB more.
    expect(most - before).toBeLessThan(60 * MB);
  });

  it('finds semicolons by the header line, and says where a row has other ones', async () => {
    const report = await done('name;e-mail;lang\nAda;ada@example.com;de\nGrace,grace@example.com,en\n');
    expect(report).toMatchObject({
      delimiter: ';',
      columns: ['name', 'email', 'locale'],
      totals: { created: 1, bad: 1 },
    });
    expect(report.faults).toEqual([
      {
        line: 3,
        code: 'column_missing',
        message: 'has 1 of 3 columns; it is divided by ",", and the header line by ";"',
      },
    ]);
    expect(await people()).toEqual([
      { address: 'ada@example.com', attributes: { name: 'Ada' }, locale: 'de', status: 'active' },
    ]);
  });

  it.each([
    ['is empty', '', 'header_unreadable'],
    ['has no column of addresses', 'name,phone\nAda,1\n', 'address_column_missing'],
    ['names a column twice', 'email,name,name\n', 'column_repeated'],
    ['is UTF-16', Buffer.from('\ufeffemail\nada@example.com\n', 'utf16le'), 'header_unreadable'],
  ])('fails as a whole where the file %s', async (_, body, errorCode) => {
    const report = await done(body);
    expect(report).toMatchObject({ status: 'failed', errorCode, totals: { created: 0 } });
    expect(codes(report)).toEqual([[1, errorCode]]);
  });

  it('takes JSON line by line', async () => {
    const report = await done(
      [
        '{"email":"ada@example.com","locale":"pt-BR","attributes":{"name":"Ada"}}',
        '',
        '{"email":"grace@example.com"}',
        '{"email":"katherine@example.com","name":"Katherine"}',
        '{"email":',
        '{"email":"joan@example.com","attributes":{"name":7}}',
      ].join('\n'),
      'application/x-ndjson',
    );
    expect(report.totals).toMatchObject({ lines: 6, created: 2, bad: 3 });
    expect(codes(report)).toEqual([
      [4, 'unknown_field'],
      [5, 'invalid_json'],
      [6, 'invalid_attribute'],
    ]);
    expect((await people()).map(({ address }) => address)).toEqual(['ada@example.com', 'grace@example.com']);
  });

  it('writes what is said anew of who is there, and sets nobody active who has left', async () => {
    for (const name of ['ada', 'grace', 'katherine'])
      await audience.add(`${name}@example.com`, { attributes: { name, plan: 'free' } });
    await otpost.database.query(
      `UPDATE subscribers SET status = 'unsubscribed' WHERE address = 'grace@example.com' AND audience_id = $1`,
      [audience.id],
    );
    await otpost.database.query(
      `INSERT INTO suppressions (address_canonical, scope, reason, source) VALUES ('joan@example.com', 'all', 'hard_bounce', 'test'), ('mary@example.com', 'bulk', 'unsubscribe', 'test')`,
    );
    const report = await done(
      'email,plan\nADA@example.com,pro\ngrace@example.com,pro\njoan@example.com,pro\nmary@example.com,pro\n',
    );
    expect(report.totals).toEqual({ lines: 5, created: 2, updated: 1, duplicates: 0, kept: 1, bad: 0 });
    const found = (await people()).map(({ address, attributes, status }) => [address, attributes, status]);
    expect(found).toEqual(
      expect.arrayContaining([
        ['ADA@example.com', { name: 'ada', plan: 'pro' }, 'active'],
        ['grace@example.com', { name: 'grace', plan: 'free' }, 'unsubscribed'],
        ['katherine@example.com', { name: 'katherine', plan: 'free' }, 'active'],
        ['joan@example.com', { plan: 'pro' }, 'bounced'],
        ['mary@example.com', { plan: 'pro' }, 'unsubscribed'],
      ]),
    );
  });

  describe('that cannot go on', () => {
    /** Two files that are worked off in one run, the first of them spoilt before. */
    async function afterSpoilt(spoil: (importId: string) => Promise<unknown>): Promise<[ImportBody, ImportBody]> {
      await eventually(async () => {
        const held = await otpost.database.query(
          `UPDATE scheduled_tasks SET lease_until = now() + interval '1 hour', leased_by = 'a test'
           WHERE name = 'audiences.imports' AND leased_by IS NULL RETURNING name`,
        );
        return held.length === 1;
      }, 'the task to be idle');
      const [first, second] = [
        (await audience.import(`email\nfirst${++people}@example.com\n`)).body,
        (await (await AudienceClient.make(otpost.api, key)).import(`email\nsecond${people}@example.com\n`)).body,
      ];
      await spoil(first.id);
      await otpost.database.query(
        `UPDATE scheduled_tasks SET lease_until = NULL, leased_by = NULL, next_run_at = now() WHERE name = 'audiences.imports'`,
      );
      return [first, second];
    }
    let people = 0;

    const ended = (id: string) =>
      eventually(async () => {
        const [row] = await otpost.database.query<{ error: string | null; created: number }>(
          'SELECT error_code AS error, created FROM subscriber_imports WHERE id = $1 AND finished_at IS NOT NULL',
          [id],
        );
        return row;
      }, 'the end of the import');

    it('because its audience was deleted ends, and holds up no other', async () => {
      const [first, second] = await afterSpoilt(() =>
        otpost.database.query('UPDATE audiences SET deleted_at = now() WHERE id = $1', [audience.id]),
      );
      expect(await ended(second.id)).toEqual({ error: null, created: 1 });
      expect(await ended(first.id)).toEqual({ error: 'audience_deleted', created: 0 });
    });

    it('because its file does not open fails and says so, and holds up no other', async () => {
      const [first, second] = await afterSpoilt((id) =>
        otpost.database.query(
          `UPDATE stored_file_parts SET sealed = sealed || '\\x00' WHERE file_id = (SELECT file_id FROM subscriber_imports WHERE id = $1)`,
          [id],
        ),
      );
      expect(await ended(second.id)).toEqual({ error: null, created: 1 });
      await ended(first.id);
      const { body } = await audience.look(first.id);
      expect(body).toMatchObject({ status: 'failed', errorCode: 'file_unreadable', totals: { created: 0 } });
      expect(codes(body)).toEqual([[1, 'file_unreadable']]);
    });

    it('because Postgres refuses what it writes is told of, holds up no other, and goes on once it can', async () => {
      const [first, second] = await afterSpoilt(() =>
        otpost.database.query(`
          CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not them'; END $$;
          CREATE TRIGGER refuse BEFORE INSERT ON subscribers FOR EACH ROW WHEN (NEW.address LIKE 'first%') EXECUTE FUNCTION refuse()`),
      );
      expect(await ended(second.id)).toEqual({ error: null, created: 1 });
      await eventually(async () => {
        const [task] = await otpost.database.query<{ error: string | null }>(
          `SELECT last_error AS error FROM scheduled_tasks WHERE name = 'audiences.imports'`,
        );
        return task!.error?.includes('not them');
      }, 'the schedule to say why');
      await otpost.database.query('DROP TRIGGER refuse ON subscribers');
      expect(await ended(first.id)).toEqual({ error: null, created: 1 });
    });
  });

  it('refuses what is declared as something else, and what is for nobody', async () => {
    expect((await audience.import('email\n', 'application/json')).status).toBe(415);
    const nowhere = await fetch(`${otpost.api.url}/v1/audiences/00000000-0000-7000-8000-000000000000/import`, {
      method: 'POST',
      headers: { ...audience.auth, 'content-type': 'text/csv' },
      body: 'email\n',
    });
    expect(nowhere.status).toBe(404);
  });
});
