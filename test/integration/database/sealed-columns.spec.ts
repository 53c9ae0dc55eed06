import { Keyring } from '../../../src/core/keyring.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { Resealing } from '../../../src/database/resealing.js';
import { SEALED_COLUMNS } from '../../../src/sealed-columns.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

describe('sealed columns', () => {
  let database: TestDatabase;
  beforeAll(async () => (database = await createDatabase()));
  afterAll(() => database.drop());

  it('are all declared, so that rotate-secret misses none', async () => {
    const found = await database.query<{ place: string }>(
      `SELECT table_name || '.' || column_name AS place FROM information_schema.columns
       WHERE table_schema = 'public' AND column_name LIKE '%seal_key_id'`,
    );
    const declared = SEALED_COLUMNS.map(({ table, keyColumn }) => `${table}.${keyColumn}`);
    expect(declared.sort()).toEqual(found.map(({ place }) => place).sort());
  });

  it('are sealed again where a former secret sealed them, both secrets of an endpoint, and left where none opens them', async () => {
    const former = new Keyring('a former secret of more than thirty-two characters');
    const present = new Keyring('a present secret of more than thirty-two characters', [
      'a former secret of more than thirty-two characters',
    ]);
    const id = '01a224b4-8668-7642-bb41-3823aa5f71d0';
    const secret = former.seal('now', `webhook-endpoint:${id}`);
    const previous = former.seal('before', `webhook-endpoint:${id}`);
    const foreign = new Keyring('a secret that nobody knows any more, and was long').seal('gone', 'signing-key:lost');
    await database.query(
      `INSERT INTO webhook_endpoints (id, url, events, sealed_secret, seal_key_id, sealed_previous_secret, previous_seal_key_id, previous_secret_until)
       VALUES ($1, 'https://example.com', '{}', $2, $3, $4, $3, now())`,
      [id, Buffer.from(secret.bytes), former.currentId, Buffer.from(previous.bytes)],
    );
    await database.query(
      `INSERT INTO signing_keys (id, public_jwk, sealed_private, seal_key_id, created_at, active_from) VALUES ('lost', '{}', $1, $2, now(), now())`,
      [Buffer.from(foreign.bytes), foreign.keyId],
    );
    const prisma = new PrismaService({ url: database.url, poolSize: 1 });
    const kinds = await new Resealing(prisma, present, SEALED_COLUMNS).run(() => undefined);
    expect(kinds).toEqual([
      { kind: 'signing keys', resealed: 0, unreadable: 1, remaining: 1 },
      { kind: 'webhook secrets', resealed: 2, unreadable: 0, remaining: 0 },
      { kind: 'codes', resealed: 0, unreadable: 0, remaining: 0 },
      { kind: 'mail', resealed: 0, unreadable: 0, remaining: 0 },
      { kind: 'file parts', resealed: 0, unreadable: 0, remaining: 0 },
    ]);
    const endpoint = await prisma.webhookEndpoint.findUniqueOrThrow({ where: { id } });
    const sole = new Keyring('a present secret of more than thirty-two characters');
    const opened = [
      sole.open({ keyId: endpoint.sealKeyId, bytes: endpoint.sealedSecret }, `webhook-endpoint:${id}`),
      sole.open(
        { keyId: endpoint.previousSealKeyId!, bytes: endpoint.sealedPreviousSecret! },
        `webhook-endpoint:${id}`,
      ),
    ];
    expect(opened).toEqual(['now', 'before']);
    await prisma.$disconnect();
  });
});
