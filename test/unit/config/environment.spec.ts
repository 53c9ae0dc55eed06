import { readSettings } from '../../../src/configuration.js';
import { onlyFault } from './faults.js';

const accepted: Record<string, string[]> = {
  NODE_ENV: ['development', 'test'],
  PORT: ['0', '1', '65535'],
  HOST: ['0.0.0.0', '::', '::1', 'localhost', 'otpost.internal', 'my_service'],
  ROLE: ['all'],
  DATABASE_URL: [
    'postgres://localhost/otpost',
    'postgresql://u:p%40ss@db:5432/otpost?schema=public',
    'postgres:///otpost?host=/var/run/postgresql',
    'postgres://u:p@ss@db/otpost',
  ],
  DATABASE_POOL: ['1', '100'],
  DATA_DIR: ['/tmp/otpost', 'data folder'],
  REDIS_URL: ['redis://localhost', 'rediss://default:pw@cache.example.com:6380/0', 'redis://[::1]:6379'],
  APP_URL: ['http://localhost:3000', 'https://example.com/'],
  APP_SECRET: ['s'.repeat(32)],
  APP_SECRET_PREVIOUS: ['s'.repeat(32), `${'s'.repeat(32)},${'t'.repeat(32)},`],
  MAIL_FROM: [
    'a@b.example',
    'no-reply@localhost',
    'Name <a@b.example>',
    '<a@b.example>',
    '"Acme, Inc." <a@b.example>',
    'Post <post@bücher.example>',
    'a@mailhost',
  ],
  BOUNCE_ADDRESS: ['bounce@bounces.example.com', 'bounce@bücher.example', 'bounce@localhost'],
  DKIM_DOMAIN: ['example.com', 'bücher.example'],
  MAIL_RATE: ['50/min', '10/s', '5/15min'],
  WORKER_LANES: ['critical', 'default, bulk', 'bulk,bulk'],
  WORKER_CONCURRENCY: ['critical:1', 'bulk:100', 'critical:1, default:2, bulk:3'],
  WORKER_PORT: ['0', '3001'],
  OUTBOX_RESCUE: ['on', 'off'],
  RESEND_COMPAT: ['on', 'off'],
  RETENTION_DAYS: ['1', '3650'],
  MIGRATE_ON_START: ['on', 'off', 'true', 'false', 'OFF'],
  INBOX_TOKEN: ['t'.repeat(16)],
  LOG_LEVEL: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
};

const refused: Record<string, string[]> = {
  NODE_ENV: ['prod', 'staging', 'Production'],
  PORT: ['70000', '65536', '-1', '3000.5', '0x50', '3e3', 'tcp://10.0.0.1:3000', '"3000"'],
  HOST: ['http://0.0.0.0', '0.0.0.0:3000', '[::]', 'a b', '-x', '*'],
  ROLE: ['worker,web', 'ALL', 'api'],
  DATABASE_URL: [
    'mysql://localhost/otpost',
    'localhost:5432/otpost',
    'postgres:otpost',
    'host=localhost dbname=otpost',
    'postgres://u:p#w@db/otpost',
    'postgres://u:12/34@db/otpost',
    'postgres://u:100%@db/otpost',
    'postgres://u:p@db:port/otpost',
    'postgres://u:p\n@db/otpost',
    'postgres://u:p@db/otpost?sslmode=requirre',
  ],
  DATABASE_POOL: ['0', '101', 'ten', '1.5'],
  DATA_DIR: ['~/otpost'],
  REDIS_URL: ['http://localhost', 'localhost:6379', 'redis://', 'redis://localhost/cache', 'redis://u:1/2@host'],
  APP_URL: [
    'example.com',
    'https:example.com',
    'ftp://example.com',
    'https://example.com/otpost',
    'https://example.com?x=1',
    'https://example.com/#x',
    'https://user:pw@example.com',
    'https://example.com//',
  ],
  APP_SECRET: ['s'.repeat(31), `${'s'.repeat(32)},t`],
  APP_SECRET_PREVIOUS: ['short', `${'s'.repeat(32)},short`, ','],
  MAIL_FROM: [
    'nobody',
    'Name <nobody>',
    'Name a@b.example',
    'Name <a@b.example> more',
    'A\nBcc: x@y.example <a@b.example>',
    'A\u2028B <a@b.example>',
    'Pöst <pöst@b.example>',
    '"a b"@b.example',
    'A <"a b"@b.example>',
    '"ada"@b.example',
    'a@-b',
    'a@[127.0.0.1]',
  ],
  MAIL_SENDERS: ['b.example', '@', '@b', 'a@b.example,*@b.example', 'Ada <a@b.example>', ','],
  BOUNCE_ADDRESS: [
    '"a b"@b.example',
    '"bounce"@b.example',
    'böunce@b.example',
    `${'b'.repeat(28)}@b.example`,
    'bounce+x@b.example',
    'bounce',
  ],
  DKIM_DOMAIN: ['localhost', 'a b.example', '.example'],
  WORKER_LANES: ['urgent', 'critical;bulk', ','],
  WORKER_PORT: ['70000', 'off', '-1'],
  MAIL_RATE: ['50', '0/min', '50/month', 'fast'],
  WORKER_CONCURRENCY: [
    'critical',
    'critical:0',
    'critical:101',
    'urgent:1',
    'bulk:1,bulk:2',
    'bulk:1:2',
    'bulk:x',
    ',',
    '8',
  ],
  OUTBOX_RESCUE: ['never'],
  RESEND_COMPAT: ['smtp'],
  RETENTION_DAYS: ['0', '3651', 'ever', '1.5'],
  MIGRATE_ON_START: ['yes', '1', 'maybe'],
  INBOX_TOKEN: ['t'.repeat(15)],
  LOG_LEVEL: ['verbose', 'INFO'],
};

const rows = (table: Record<string, string[]>): [string, string][] =>
  Object.entries(table).flatMap(([name, texts]) => texts.map((text): [string, string] => [name, text]));

describe('Environment', () => {
  it('reads MAIL_SENDERS as canonical addresses and domains, each once', () => {
    const { senders } = readSettings({
      MAIL_SENDERS: 'Billing@B.example, @Bücher.example,@b.example,billing@b.example,',
    }).settings.mail;
    expect(senders).toEqual(['billing@b.example', '@xn--bcher-kva.example', '@b.example']);
  });

  it.each(rows(accepted))('accepts %s=%j', (name, text) => {
    expect(() => readSettings({ [name]: text })).not.toThrow();
  });

  it.each(rows(refused))('refuses %s=%j with an example of what would do', (name, text) => {
    const fault = onlyFault({ [name]: text });
    expect(fault.variable).toBe(name);
    expect(fault.remedy).toContain(`${name}=`);
  });

  it.each(rows(refused))('does not break off at %s=%j when something else is wrong too', (name, text) => {
    const other = name === 'LOG_LEVEL' ? 'PORT' : 'LOG_LEVEL';
    expect(() => readSettings({ [name]: text, [other]: 'wrong' })).toThrow(/2 settings are wrong/);
  });

  it('reads the sender with and without a name', () => {
    const from = (MAIL_FROM: string) => readSettings({ MAIL_FROM }).settings.mail.from;
    expect(from('a@b.example')).toEqual({ name: '', address: 'a@b.example' });
    expect(from('Acme Shop <a@b.example>')).toEqual({ name: 'Acme Shop', address: 'a@b.example' });
    expect(from('"Acme, Inc." <a@b.example>')).toEqual({ name: 'Acme, Inc.', address: 'a@b.example' });
  });

  it('has domains beyond ASCII in their form in ASCII, which Message-IDs, envelopes and signatures need', () => {
    const { mail } = readSettings({
      MAIL_FROM: 'Post <Post@Bücher.example>',
      BOUNCE_ADDRESS: 'Bounce@bücher.example',
    }).settings;
    expect([mail.from.address, mail.bounceAddress]).toEqual([
      'Post@xn--bcher-kva.example',
      'bounce@xn--bcher-kva.example',
    ]);
  });

  it('says why a sender beyond ASCII before the @, or with quotes there, will not do', () => {
    expect(onlyFault({ MAIL_FROM: 'pöst@b.example' }).remedy).toContain('SMTPUTF8');
    expect(onlyFault({ MAIL_FROM: 'Ada <"a b"@b.example>' }).remedy).toContain('quotes');
  });

  it('keeps of APP_URL the origin, in its normal form', () => {
    const appUrl = (APP_URL: string) => readSettings({ APP_URL }).settings.http.appUrl;
    expect(appUrl('HTTPS://Accounts.Example.com:443/')).toBe('https://accounts.example.com');
    expect(appUrl('https://example.com:8443')).toBe('https://example.com:8443');
  });

  it('explains an unescaped password', () => {
    for (const DATABASE_URL of ['postgres://u:p#w@db/otpost', 'postgres://u:12/34@db/otpost']) {
      expect(onlyFault({ DATABASE_URL }).remedy).toContain('# is %23');
    }
  });

  it.each([
    ['DATABASE_URL', 'postgres://u:p@db:99999/otpost?sslmode=verify-full'],
    ['DATABASE_URL', 'postgres://db:port'],
    ['REDIS_URL', 'redis://[::1]:637900'],
    ['MAIL_TRANSPORTS', 'smtp://u:p@smtp.example.com:5870000'],
  ])('points out that the port is none in %s=%j', (name, text) => {
    const { remedy } = onlyFault({ [name]: text });
    expect(remedy).toContain('Its port must be a number from 1 to 65535.');
    expect(remedy).not.toContain('percent-encoded');
  });

  it.each(['allow', 'prefer', 'require', 'verify-ca'])('keeps sslmode=%s as strict as the driver takes it', (mode) => {
    const url = (text: string) => readSettings({ DATABASE_URL: text }).settings.database.url;
    expect(url(`postgres://u:p@db/otpost?sslmode=${mode}&connect_timeout=9`)).toBe(
      'postgres://u:p@db/otpost?sslmode=verify-full&connect_timeout=9',
    );
    const asLibpq = `postgres://u:p@db/otpost?uselibpqcompat=true&sslmode=${mode}`;
    expect(url(asLibpq)).toBe(asLibpq);
  });

  it.each(['disable', 'verify-full', 'no-verify'])('leaves sslmode=%s as it is', (mode) => {
    const text = `postgres://u:p@db/otpost?sslmode=${mode}`;
    expect(readSettings({ DATABASE_URL: text }).settings.database.url).toBe(text);
  });

  it('points out quotes that belong to the value', () => {
    expect(onlyFault({ PORT: '"3000"' }).remedy).toContain('Remove the quotes');
    expect(onlyFault({ DATABASE_URL: "'postgres://u:p@db/x'" }).remedy).toContain('Remove the quotes');
    expect(onlyFault({ PORT: '70000' }).remedy).not.toContain('quotes');
  });
});
