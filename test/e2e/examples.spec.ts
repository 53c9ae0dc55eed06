import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type CryptoKey, decodeProtectedHeader, type JWK, type KeyObject, SignJWT } from 'jose';
import { SigningKeyRecords } from '../../src/accounts/tokens/signing-keys.js';
import { Audit } from '../../src/audit/audit.js';
import { Keyring } from '../../src/core/keyring.js';
import { PrismaService, Transactions } from '../../src/database/prisma.service.js';
import { freePort } from '../support/network/free-port.js';
import type { SignedInBody } from '../support/service/api.js';
import { HeldClock, type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';
import { codeFromInbox, verify } from '../support/service/story.js';

const SERVER = fileURLToPath(new URL('../../examples/verify-token/server.mjs', import.meta.url));

interface Example {
  process: ChildProcess;
  url: string;
}

describe('examples/verify-token', () => {
  let otpost: Otpost;
  let appUrl: string;
  let example: Example;
  let signedIn: SignedInBody;
  let ours: CryptoKey;
  let kid: string;
  const examples: Example[] = [];

  async function startExample(otpostUrl: string): Promise<Example> {
    const child = spawn(process.execPath, [SERVER], {
      env: { PATH: process.env['PATH'], PORT: '0', OTPOST_URL: otpostUrl },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const started = { process: child, url: /http:\S+/.exec(line)![0] };
    examples.push(started);
    return started;
  }

  beforeAll(async () => {
    const port = await freePort();
    appUrl = `http://127.0.0.1:${port}`;
    otpost = await startOtpost({ PORT: String(port), APP_URL: appUrl });
    example = await startExample(appUrl);
    const issued = await otpost.api.register('ada@example.com');
    signedIn = await verify(otpost.api, issued, (await codeFromInbox(otpost.api, 'ada@example.com', issued)).code);
    const prisma = new PrismaService({ url: otpost.database.url, poolSize: 1 });
    const records = new SigningKeyRecords(
      prisma,
      new Transactions(prisma),
      new Keyring(TEST_SECRET),
      new Audit(prisma, new HeldClock()),
    );
    const [key] = await records.list();
    [ours, kid] = [await records.open(key!), key!.id];
    await prisma.$disconnect();
  });
  afterAll(async () => {
    await Promise.all(examples.map(async ({ process: child }) => child.kill() && once(child, 'close')));
    await otpost.stop();
  });

  async function ask(authorization: string | undefined, of = example): Promise<{ status: number; body: unknown }> {
    const response = await fetch(of.url, authorization === undefined ? {} : { headers: { authorization } });
    return { status: response.status, body: await response.json() };
  }

  interface Changes {
    claims?: Record<string, unknown>;
    header?: Record<string, unknown>;
    key?: CryptoKey | KeyObject;
  }

  /** As Otpost would sign it, but for the changes. */
  async function forged({ claims, header, key = ours }: Changes): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    return new SignJWT({
      iss: appUrl,
      aud: appUrl,
      sub: signedIn.account.id,
      sid: 'x',
      iat: now,
      exp: now + 900,
      ...claims,
    })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid, ...header })
      .sign(key);
  }

  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  it('lets in who is signed in, and knows who it is', async () => {
    const { status, body } = await ask(`Bearer ${signedIn.accessToken}`);
    expect([status, body]).toEqual([
      200,
      { accountId: signedIn.account.id, sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
    ]);
    expect((await ask(`Bearer ${await forged({})}`)).status).toBe(200); // so that the refusals below are for what was changed
  });

  it.each<[string, () => Promise<string>]>([
    ['has expired', async () => forged({ claims: { exp: Math.floor(Date.now() / 1_000) - 60 } })],
    ['is for another audience', async () => forged({ claims: { aud: 'https://other.example.com' } })],
    ['is of another issuer', async () => forged({ claims: { iss: 'https://other.example.com' } })],
    ['is no access token', async () => forged({ header: { typ: 'JWT' } })],
    ['never expires', async () => forged({ claims: { exp: undefined } })],
    ['is signed by a stranger under our name', async () => forged({ key: generateKeyPairSync('ed25519').privateKey })],
    ['is signed by a key that does not exist', async () => forged({ header: { kid: 'unknown' } })],
    [
      'is not signed',
      async () => `${part({ alg: 'none', typ: 'at+jwt', kid })}.${signedIn.accessToken.split('.')[1]}.`,
    ],
    [
      'is signed with the public key as a secret',
      async () => {
        const { body } = await otpost.api.get<{ keys: JWK[] }>('/.well-known/jwks.json');
        const signed = `${part({ alg: 'HS256', typ: 'at+jwt', kid })}.${signedIn.accessToken.split('.')[1]}`;
        return `${signed}.${createHmac('sha256', Buffer.from(body.keys[0]!.x!, 'base64url')).update(signed).digest('base64url')}`;
      },
    ],
    [
      'was changed',
      async () =>
        signedIn.accessToken.replace(
          /\.[^.]+\./,
          `.${part({ iss: appUrl, aud: appUrl, sub: 'eve', sid: 'x', exp: 9_999_999_999 })}.`,
        ),
    ],
  ])('a token that %s is a 401', async (_, token) => {
    expect((await ask(`Bearer ${await token()}`)).status).toBe(401);
  });

  it('no token is a 401', async () => {
    expect((await ask(undefined)).status).toBe(401);
    expect((await ask('Basic YTpi')).status).toBe(401);
  });

  it('keys that cannot be had are no reason to call a token bad', async () => {
    const lonely = await startExample(`http://127.0.0.1:${await freePort()}`);
    expect((await ask(`Bearer ${signedIn.accessToken}`, lonely)).status).toBe(503);
    expect(decodeProtectedHeader(signedIn.accessToken)).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid });
  });
});
