import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HttpSettings } from '../../../src/config/settings.js';
import { readSettings } from '../../../src/configuration.js';
import { PROVIDERS } from '../../../src/mail/providers/providers.js';
import { allSenders } from '../../support/http/provider-hooks.js';
import { message } from './transport/message.js';

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url));
const AWS = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' };

/** Code without its comments, which may name whom they learned something from. */
function codeOf(file: string): string {
  return readFileSync(join(SRC, file), 'utf8').replace(/\/\*[^]*?\*\/|(^|\s)\/\/.*/g, '');
}

/**
 * Where a word that is the name of a provider may stand: codes are sent again in the rooms of codes and accounts, and
 * in what is told of that; the API's document has an example of a source. Resend's SDKs have a door of their form,
 * which a variable opens, and webhooks of their form.
 */
const OTHER_MEANINGS: Record<string, RegExp> = {
  resend: new RegExp(
    [
      /^(otp|accounts)\/|^core\/problem-registry\.ts$|^http\/operation-ids-policy\.ts$/,
      /^mail\/smtp-submission\/options-policy\.ts$/,
      /^http\/pages\/(page-frame|problem-page|words\/(sms\/)?\w+)\.ts$|^mail\/(resend-door|webhooks)\//,
      /^(web-process|config\/(settings|read-settings|mail-variables)|http\/problem-writer)\.ts$/,
    ]
      .map(({ source }) => source)
      .join('|'),
  ),
  postmark: /^mail\/suppressions\/suppressions\.controller\.ts$/,
  // Headers that programs steer those services with, whichever way their mail goes here.
  mailgun: /^mail\/smtp-submission\/options-policy\.ts$/,
  ses: /^mail\/smtp-submission\/options-policy\.ts$/,
};

/** What names a provider in code: its kind as a word or the beginning of one, in any case. */
function names(kind: string): RegExp {
  return new RegExp(`(?<![a-z])${kind}(?![a-z])|${kind[0]!.toUpperCase()}${kind.slice(1)}(?![a-z])`, 'g');
}

describe.each(PROVIDERS.map((provider) => [provider.kind, provider] as const))('the provider %s', (kind, provider) => {
  const entry = readSettings({ MAIL_TRANSPORTS: provider.entry.example, ...AWS }).settings.mail
    .transports[0] as HttpSettings;
  const api = { account: entry.account, endpoint: provider.endpoint(entry.account), now: new Date() };

  it('has an example that is read as an entry of its own', () => {
    expect(entry).toMatchObject({ kind: 'http', provider: kind });
    expect(entry.name.split(':')[0]).toBe(kind);
  });

  it('has a secret for its events, in the form that its example and the README have', () => {
    const { secret } = allSenders().find((sender) => sender.provider === kind)!;
    expect(readSettings({ HOOK_SECRETS: secret }).settings.mail.hookSecrets).toHaveLength(1);
    for (const text of [provider.secret.example, provider.secret.written]) expect(text).toMatch(`${kind}:`);
  });

  it('tells of no secret in its name, and hides each of them', () => {
    const secrets = provider.entry.secrets(entry.account).filter((secret) => secret !== '');
    expect(secrets).not.toEqual([]);
    for (const secret of secrets) expect(entry.name).not.toContain(secret);
  });

  it('has an API of its own, to send and to look at the account, over TLS', async () => {
    expect(api.endpoint).toMatch(/^https:\/\/[a-z\d.-]+$/);
    for (const { url } of [await provider.request(message(), api), await provider.probe.question(api)])
      expect(url.startsWith(`${api.endpoint}/`)).toBe(true);
  });

  it('has replies of its own, no two of one name', () => {
    const conditions = provider.rows.map(({ condition }) => condition);
    expect(conditions).not.toEqual([]);
    expect(new Set(conditions).size).toBe(conditions.length);
  });

  it('is named by its own files and the list, and by no other code', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.startsWith('generated'))
      .filter((file) => names(kind).test(codeOf(file)));
    const own = new RegExp(`^mail/providers/(${kind}(-\\w+)?|providers)\\.ts$`);
    expect(files.filter((file) => !own.test(file) && !OTHER_MEANINGS[kind]?.test(file))).toEqual([]);
    expect(files).toContain(`mail/providers/${kind}.ts`);
  });
});
