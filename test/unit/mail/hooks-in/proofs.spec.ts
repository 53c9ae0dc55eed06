import { createHmac } from 'node:crypto';
import type { HookInProof } from '../../../../src/config/settings.js';
import { readSettings } from '../../../../src/configuration.js';
import { proveByAny, proveByHead } from '../../../../src/mail/hooks-in/proofs-policy.js';
import type { HookPost } from '../../../support/http/provider-hooks.js';
import { hookSecret, signedBySupabase, signedByZitadel } from '../../../support/http/auth-systems.js';

const NOW = new Date('2026-11-29T12:00:00Z');
const BODY = '{"a":"body"}';
const minutes = (count: number): Date => new Date(NOW.getTime() + count * 60_000);

const proofsOf = (entry: string): HookInProof[] =>
  readSettings({ HOOK_IN_SECRETS: entry }).settings.mail.hookInSecrets.map(({ proof }) => proof);

function outcomes(entry: string, { headers, body }: HookPost): [string, string] {
  const proofs = proofsOf(entry);
  const words = (proof: ReturnType<typeof proveByAny>): string =>
    proof.kind === 'authentic' ? proof.kind : proof.reason;
  const request = { headers, now: NOW };
  return [
    words(proveByHead({ ...request, body: Buffer.alloc(0) }, proofs)),
    words(proveByAny({ ...request, body: Buffer.from(body) }, proofs)),
  ];
}

describe('a signature of Standard Webhooks', () => {
  const [older, newer, foreign] = [hookSecret(), hookSecret(), hookSecret()];
  const entry = `supabase:${older}|${newer}`;
  const signed = (secrets: string[], more: object = {}): HookPost =>
    signedBySupabase(BODY, secrets, { at: NOW, ...more });

  it.each([
    ['the older secret', [older]],
    ['the newer secret', [newer]],
    ['both', [older, newer]],
    ['a foreign secret and ours', [foreign, newer]],
  ])('by %s proves it', (_, secrets) => {
    expect(outcomes(entry, signed(secrets))).toEqual(['authentic', 'authentic']);
  });

  it.each([', ', ' ', ',', '  '])('may be one of several that are joined by "%s"', (between) => {
    expect(outcomes(entry, signed([foreign, newer], { between }))).toEqual(['authentic', 'authentic']);
  });

  it('by a foreign secret, or over another body, id or time, is forged', () => {
    expect(outcomes(entry, signed([foreign]))).toEqual(['authentic', 'forged']);
    const { headers, body } = signed([newer]);
    expect(outcomes(entry, { headers, body: `${body} ` })[1]).toBe('forged');
    expect(outcomes(entry, { headers: { ...headers, 'webhook-id': 'another' }, body })[1]).toBe('forged');
    const otherTime = String(Number(headers['webhook-timestamp']) + 1);
    expect(outcomes(entry, { headers: { ...headers, 'webhook-timestamp': otherTime }, body })[1]).toBe('forged');
  });

  it.each([
    [-5, 'authentic'],
    [5, 'authentic'],
    [-6, 'stale'],
    [6, 'stale'],
  ])('of %d minutes is %s, and that before the body is read', (count, outcome) => {
    expect(outcomes(entry, signed([newer], { at: minutes(count) }))).toEqual([outcome, outcome]);
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('without %s is none', (name) => {
    const { headers, body } = signed([newer]);
    expect(outcomes(entry, { headers: { ...headers, [name]: '' }, body })).toEqual(['unsigned', 'unsigned']);
  });

  it.each(['v1', 'v2,AAAA', 'v1a,AAAA', `xv1,${'A'.repeat(44)}`, 'v1,'])('that is written %s is none', (text) => {
    const { headers, body } = signed([newer]);
    expect(outcomes(entry, { headers: { ...headers, 'webhook-signature': text }, body })[1]).toBe('unsigned');
  });
});

describe('a proof in a header', () => {
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  it.each([
    [
      'basic:kratos:a-password%3Aof-kratos',
      basic('kratos:a-password:of-kratos'),
      basic('kratos:a-password:of-another'),
    ],
    [
      'bearer:a-token-of-sixteen',
      { authorization: 'Bearer a-token-of-sixteen' },
      { authorization: 'Bearer a-token-of-another' },
    ],
    [
      'header:X-API-Key:a-key-of-sixteen-characters',
      { 'x-api-key': 'a-key-of-sixteen-characters' },
      { 'x-api-key': 'a-key' },
    ],
    [
      'header:Authorization:a-key-of-sixteen-characters',
      { authorization: 'a-key-of-sixteen-characters' },
      { authorization: 'A-KEY-OF-SIXTEEN-CHARACTERS' },
    ],
    [
      'header:Authorization:Token%20a-key-of-sixteen',
      { authorization: 'Token a-key-of-sixteen' },
      { authorization: 'Token a-key-of-sixteen2' },
    ],
    [
      'cookie:otpost:a-key-of-sixteen-characters',
      { cookie: 'a=b; otpost=a-key-of-sixteen-characters; c=d' },
      { cookie: 'otpost=a-key' },
    ],
    [
      'cookie:otpost:a-key-of-sixteen-characters',
      { cookie: 'otpost="a-key-of-sixteen-characters"' },
      { cookie: 'otpost=' },
    ],
  ] as [string, Record<string, string>, Record<string, string>][])(
    '%s proves it before the body is read',
    (form, good, bad) => {
      for (const source of ['kratos', 'generic/acme']) {
        expect(outcomes(`${source}:${form}`, { headers: good, body: BODY })).toEqual(['authentic', 'authentic']);
        expect(outcomes(`${source}:${form}`, { headers: bad, body: BODY })).toEqual(['forged', 'forged']);
        expect(outcomes(`${source}:${form}`, { headers: {}, body: BODY })).toEqual(['unsigned', 'unsigned']);
      }
    },
  );

  it('is good by each secret of a source while one is replaced', () => {
    const entry = 'kratos:header:X-API-Key:the-former-key-of-ours,kratos:header:X-API-Key:the-present-key-of-ours';
    for (const key of ['the-former-key-of-ours', 'the-present-key-of-ours'])
      expect(outcomes(entry, { headers: { 'x-api-key': key }, body: BODY })[1]).toBe('authentic');
  });
});

describe('an HMAC of the body', () => {
  const key = 'a-key-of-sixteen-characters';
  const digest = (form: 'hex' | 'base64', body = BODY): string => createHmac('sha256', key).update(body).digest(form);

  it.each([digest('hex'), digest('hex').toUpperCase(), digest('base64'), `sha256=${digest('hex')}`])(
    'as %s proves it',
    (text) => {
      expect(
        outcomes(`generic/acme:hmac:X-Signature:${key}`, { headers: { 'x-signature': text }, body: BODY }),
      ).toEqual(['authentic', 'authentic']);
    },
  );

  it('of another body is forged', () => {
    const headers = { 'x-signature': digest('hex', 'another') };
    expect(outcomes(`generic/acme:hmac:X-Signature:${key}`, { headers, body: BODY })).toEqual(['authentic', 'forged']);
    expect(outcomes(`generic/acme:hmac:X-Signature:${key}`, { headers: {}, body: BODY })[0]).toBe('unsigned');
  });

  it('with its time is good for five minutes, by either key while one is replaced', () => {
    const entry = `generic/zitadel:signed:ZITADEL-Signature:${key}`;
    expect(outcomes(entry, signedByZitadel(BODY, [key], NOW))).toEqual(['authentic', 'authentic']);
    expect(outcomes(entry, signedByZitadel(BODY, ['a-former-key-of-theirs', key], NOW))[1]).toBe('authentic');
    expect(outcomes(entry, signedByZitadel(BODY, ['a-former-key-of-theirs'], NOW))[1]).toBe('forged');
    expect(outcomes(entry, signedByZitadel(BODY, [key], minutes(-6)))).toEqual(['stale', 'stale']);
    expect(outcomes(entry, { headers: { 'zitadel-signature': 't=1' }, body: BODY })[1]).toBe('unsigned');
    const { headers, body } = signedByZitadel(BODY, [key], NOW);
    const moved = headers['zitadel-signature']!.replace(/t=\d+/, `t=${minutes(1).getTime() / 1_000}`);
    expect(outcomes(entry, { headers: { 'zitadel-signature': moved }, body })[1]).toBe('forged');
  });
});
