import type { HookInSecret } from '../../../src/config/settings.js';
import { readSettings } from '../../../src/configuration.js';
import { remedyOf } from './faults.js';

const read = (text: string): HookInSecret[] => readSettings({ HOOK_IN_SECRETS: text }).settings.mail.hookInSecrets;
const KEY = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

describe('HOOK_IN_SECRETS', () => {
  it('reads the secrets of Supabase as Supabase writes them, comma and bar and all', () => {
    expect(read(`supabase:v1,whsec_${KEY}|v1,whsec_${KEY}==,kratos:basic:user:a-long%2Cpassword%3A`)).toEqual([
      { source: 'supabase', proof: { kind: 'standard', key: KEY } },
      { source: 'supabase', proof: { kind: 'standard', key: `${KEY}==` } },
      { source: 'kratos', proof: { kind: 'basic', user: 'user', password: 'a-long,password:' } },
    ]);
    expect(read(`supabase:v1%2Cwhsec_${KEY}`)).toHaveLength(1);
  });

  it('reads each form of a proof', () => {
    const entries = [
      'kratos:bearer:a-token-of-sixteen',
      'kratos:header:X-API-Key:a-key-of-sixteen-%25',
      'kratos:cookie:Session:a-key-of-sixteen-characters',
      'generic/acme:hmac:X-Signature:a-key-of-sixteen-characters',
      'generic/zitadel:signed:ZITADEL-Signature:a-key-of-sixteen-characters',
      `generic/other:v1,whsec_${KEY}`,
    ];
    expect(read(entries.join(', '))).toEqual([
      { source: 'kratos', proof: { kind: 'bearer', token: 'a-token-of-sixteen' } },
      { source: 'kratos', proof: { kind: 'header', name: 'x-api-key', value: 'a-key-of-sixteen-%' } },
      { source: 'kratos', proof: { kind: 'cookie', name: 'Session', value: 'a-key-of-sixteen-characters' } },
      { source: 'generic/acme', proof: { kind: 'hmac', name: 'x-signature', key: 'a-key-of-sixteen-characters' } },
      {
        source: 'generic/zitadel',
        proof: { kind: 'signed', name: 'zitadel-signature', key: 'a-key-of-sixteen-characters' },
      },
      { source: 'generic/other', proof: { kind: 'standard', key: KEY } },
    ]);
  });

  it.each([
    [
      'a source there is none of',
      'auth0:bearer:a-token-of-sixteen',
      /must begin with supabase:, kratos: or generic\/NAME:/,
    ],
    ['a generic source without a name', 'generic:bearer:a-token-of-sixteen', /must begin with/],
    ['a name with a path in it', 'generic/../etc:bearer:a-token-of-sixteen', /must begin with/],
    ['nothing but a name', 'kratos', /must begin with/],
    ['another form for Supabase', 'supabase:bearer:a-token-of-sixteen', /supabase: must be the secret/],
    ['a secret without its start', `supabase:whsec_${KEY}`, /supabase: must be the secret/],
    ['one of two that is broken', `supabase:v1,whsec_${KEY}|whsec_${KEY}`, /supabase: must be the secret/],
    ['a secret that is no base64', 'supabase:v1,whsec_not base64 at all, really', /supabase: must be the secret/],
    ['a form there is none of', 'kratos:digest:user:a-long-password-of-ours', /kratos: must be one of basic:/],
    ['a form of every object', 'kratos:constructor:a-long-password-of-ours', /kratos: must be one of/],
    ['no user', 'kratos:basic:a-password-that-is-long', /kratos: must be one of/],
    ['a short password', 'kratos:basic:user:short', /at least 16 characters/],
    ['a short token', 'generic/acme:bearer:short', /generic\/acme: must be one of/],
    ['a header that is none', 'kratos:header:X API:a-key-of-sixteen-characters', /kratos: must be one of/],
    ['a cookie with a semicolon', 'kratos:cookie:a:a-key-of-sixteen;characters', /kratos: must be one of/],
    ['a percent sign that begins no escape', 'kratos:bearer:a-token-of-100%', /kratos: must be one of/],
  ])('refuses %s, with an example', (_, text, remedy) => {
    const told = remedyOf('HOOK_IN_SECRETS', text);
    expect(told).toMatch(remedy);
    expect(told).toContain('such as HOOK_IN_SECRETS=');
  });

  it('shows no secret of what is refused', () => {
    const start = (): unknown =>
      readSettings({ HOOK_IN_SECRETS: 'kratos:basic:user:hunter2,generic/acme:bearer:hunter3' });
    expect(start).toThrow(/HOOK_IN_SECRETS\s+read \*\*\* \(\d+ characters\)/);
    expect(start).toThrow(/entry 1: kratos:[^]*entry 2: generic\/acme:/);
    expect(start).not.toThrow(/hunter/);
  });
});
