import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { JWKS_MAX_AGE_SECONDS } from '../../../src/accounts/tokens/signing-key-policy.js';
import { SigningKeyRecords } from '../../../src/accounts/tokens/signing-keys.js';
import { Audit } from '../../../src/audit/audit.js';
import { Keyring } from '../../../src/core/keyring.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import type { Api, SignedInBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost, TEST_SECRET } from '../../support/service/otpost.js';
import { codeFromInbox, verify } from '../../support/service/story.js';
import { eventually } from '../../support/signals/wait.js';

const STEP = 60;
const kidOf = (token: string): string => decodeProtectedHeader(token).kid!;

/** Another back end: it keeps the key set for as long as it may, by the same clock. */
class BackEnd {
  private kept: { keys: JSONWebKeySet; until: number } | undefined;

  constructor(
    private readonly api: Api,
    private readonly clock: HeldClock,
  ) {}

  async accepts(token: string): Promise<boolean> {
    const now = this.clock.now();
    if (!this.kept || this.kept.until <= now.getTime()) {
      const { body } = await this.api.get<JSONWebKeySet>('/.well-known/jwks.json');
      this.kept = { keys: body, until: now.getTime() + JWKS_MAX_AGE_SECONDS * 1_000 };
    }
    // Strict: one that does not know a key does not ask again.
    return jwtVerify(token, createLocalJWKSet(this.kept.keys), {
      currentDate: now,
      typ: 'at+jwt',
      algorithms: ['EdDSA'],
    }).then(
      () => true,
      () => false,
    );
  }
}

describe('signing keys, with services on one database', () => {
  let clock: HeldClock;
  let one: Otpost;
  const others: Otpost[] = [];
  const opened: PrismaService[] = [];

  beforeEach(async () => {
    clock = new HeldClock();
    one = await startOtpost({}, clock);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((prisma) => prisma.$disconnect()));
    await Promise.all(others.splice(0).map((other) => other.stop()));
    await one.stop();
  });

  async function another(): Promise<Otpost> {
    const other = await startOtpost({ ROLE: 'web', DATABASE_URL: one.database.url }, clock);
    others.push(other);
    return other;
  }

  function records(): SigningKeyRecords {
    const prisma = new PrismaService({ url: one.database.url, poolSize: 1 });
    opened.push(prisma);
    return new SigningKeyRecords(prisma, new Transactions(prisma), new Keyring(TEST_SECRET), new Audit(prisma, clock));
  }

  async function published(service: Otpost): Promise<string[]> {
    const { body } = await service.api.get<{ keys: { kid: string }[] }>('/.well-known/jwks.json');
    return body.keys.map(({ kid }) => kid);
  }

  /** As if its time had come; resolves when one of the services has run it. */
  async function runTask(): Promise<void> {
    const name = 'accounts.signing_keys';
    const lastRun = async (): Promise<string> => {
      const [row] = await one.database.query<{ at: string | null; lease: Date | null }>(
        'SELECT last_run_at::text AS at, lease_until AS lease FROM scheduled_tasks WHERE name = $1',
        [name],
      );
      return row?.lease === null ? String(row.at) : 'runs';
    };
    const before = await eventually(async () => {
      const at = await lastRun();
      return at !== 'runs' && at !== 'null' && at;
    }, 'the first run');
    await one.database.query('UPDATE scheduled_tasks SET next_run_at = now() WHERE name = $1', [name]);
    await eventually(async () => !['runs', before].includes(await lastRun()), 'the task to run');
  }

  async function signIn(email: string): Promise<SignedInBody> {
    const issued = await one.api.register(email);
    return verify(one.api, issued, (await codeFromInbox(one.api, email, issued)).code);
  }

  it('a key of 90 days is replaced, no token is refused at any moment, and nobody is signed out', async () => {
    const two = await another();
    await one.database.query(`UPDATE signing_keys SET active_from = active_from - interval '90 days'`);
    const [first] = await published(one);
    const backEnds = [new BackEnd(one.api, clock), new BackEnd(two.api, clock)];
    let session = await signIn('ada@example.com');
    const living: { token: string; until: number }[] = [];
    const signedBy: string[] = [];
    await runTask();

    for (let second = 0; second <= 45 * 60; second += STEP) {
      const service = second % (2 * STEP) === 0 ? one : two;
      const { status, body } = await service.api.post<SignedInBody>('/v1/sessions/refresh', {
        refreshToken: session.refreshToken,
      });
      expect([second, status]).toEqual([second, 200]);
      session = { ...session, ...body };
      living.push({ token: session.accessToken, until: clock.now().getTime() + session.expiresIn * 1_000 });
      signedBy.push(kidOf(session.accessToken));
      while (living[0]!.until <= clock.now().getTime()) living.shift();
      for (const token of living) {
        const accepted = await Promise.all(backEnds.map((backEnd) => backEnd.accepts(token.token)));
        expect({ second, accepted }).toEqual({ second, accepted: [true, true] });
      }
      // Those between are of the same keys as these.
      for (const { token } of [living[0]!, living.at(-1)!]) {
        const answers = await Promise.all([one, two].map(async ({ api }) => (await api.get('/v1/me', token)).status));
        expect({ second, answers }).toEqual({ second, answers: [200, 200] });
      }
      if (second === 3 * STEP) {
        // Both know it by now, and it does not sign yet.
        expect(await published(one)).toEqual(await published(two));
        expect(await published(one)).toEqual([expect.not.stringMatching(first!) as string, first]);
      }
      clock.advance(STEP);
      if (second % (9 * STEP) === 0) await runTask();
    }

    const [second, ...older] = await published(one);
    expect(older).toEqual([]);
    expect(second).not.toBe(first);
    expect(signedBy).toEqual([...Array<string>(10).fill(first!), ...Array<string>(36).fill(second!)]);
  });

  it('several that want to replace it at once make one', async () => {
    const asked = await Promise.all(
      Array.from({ length: 6 }, async () => (await records().rotate(clock.now(), { asked: true })).kind),
    );
    expect(asked.sort()).toEqual(['pending', 'pending', 'pending', 'pending', 'pending', 'rotated']);
    expect(await one.database.query('SELECT id FROM signing_keys')).toHaveLength(2);
    const audited = await one.database.query(
      `SELECT actor_kind AS by, details FROM audit_events WHERE action = 'signing_key.rotated'`,
    );
    expect(audited).toEqual([{ by: 'operator', details: { asked: true } }]);
  });

  it('a young one is not replaced by itself', async () => {
    await runTask();
    expect(await records().rotate(clock.now(), { asked: false })).toEqual({ kind: 'not_due' });
    expect(await published(one)).toHaveLength(1);
  });

  it('a token of a key that a process does not know yet makes it look', async () => {
    const { accessToken } = await signIn('grace@example.com');
    const rotation = await records().rotate(clock.now(), { asked: true });
    await one.database.query(`UPDATE signing_keys SET active_from = active_from - interval '20 minutes'`);
    const two = await another();
    const { body } = await two.api.post<SignedInBody>('/v1/sessions/refresh', {
      refreshToken: (await signIn('mary@example.com')).refreshToken,
    });
    expect(rotation.kind === 'rotated' && rotation.key.id).toBe(kidOf(body.accessToken));
    clock.advance(11);
    expect((await one.api.get('/v1/me', body.accessToken)).status).toBe(200);
    expect((await two.api.get('/v1/me', accessToken)).status).toBe(200);
  });
});
