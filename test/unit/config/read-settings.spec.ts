import { isAbsolute, resolve } from 'node:path';
import { readSettings } from '../../../src/configuration.js';
import { onlyFault, PRODUCTION_ENV, refusal } from './faults.js';

describe('readSettings in development', () => {
  it('needs nothing', () => {
    const { settings, warnings } = readSettings({});
    expect(warnings).toEqual([]);
    expect(settings).toEqual({
      production: false,
      role: 'all',
      http: { host: '127.0.0.1', port: 3000, appUrl: 'http://localhost:3000', corsOrigins: [] },
      database: { url: undefined, poolSize: 10, migrateOnStart: true },
      dataDir: resolve('.data'),
      redisUrl: undefined,
      appSecret: undefined,
      appSecretPrevious: [],
      mail: {
        from: { name: 'Otpost', address: 'no-reply@localhost' },
        senders: [],
        capturesByDefault: true,
        transports: [{ kind: 'capture', name: 'capture' }],
        lanes: ['critical', 'default', 'bulk'],
        concurrency: { critical: 8, default: 8, bulk: 4, sms: 8 },
        rescue: true,
        resendCompat: true,
        hookSecrets: [],
        hookInSecrets: [],
        hookInMappings: undefined,
        brand: { name: undefined, logoUrl: undefined, color: '#146c5c', support: undefined, address: undefined },
        templatesDir: undefined,
      },
      smtpIn: { listeners: [], tls: undefined },
      limits: {
        destination: [
          { count: 5, windowMs: 900_000 },
          { count: 20, windowMs: 86_400_000 },
        ],
        ip: [{ count: 20, windowMs: 600_000 }],
        ipDestinations: [{ count: 30, windowMs: 3_600_000 }],
        publicMail: [{ count: 600, windowMs: 3_600_000 }],
        key: [{ count: 1_000, windowMs: 60_000 }],
      },
      webhookAllowPrivate: {
        networks: [
          { address: '127.0.0.0', prefix: 8, family: 'ipv4' },
          { address: '::1', prefix: 128, family: 'ipv6' },
        ],
        hosts: [],
      },
      sms: {
        transports: [],
        countries: [],
        domain: 'localhost',
        daily: 1_000,
        guard: 'on',
        testNumbers: [],
        signIn: false,
      },
      retentionDays: 30,
      auditRetentionDays: 365,
      inboxToken: undefined,
      logLevel: 'info',
    });
  });

  it('reads what is given', () => {
    const { settings } = readSettings({
      PORT: '8080',
      HOST: '::',
      ROLE: 'worker',
      DATABASE_URL: 'postgresql://u:p@localhost/otpost?sslmode=require',
      DATABASE_POOL: '4',
      DATA_DIR: 'var/otpost',
      REDIS_URL: 'rediss://:p@localhost:6380/2',
      APP_SECRET: 'a'.repeat(32),
      APP_SECRET_PREVIOUS: `${'b'.repeat(32)}, ${'c'.repeat(40)}`,
      MAIL_FROM: 'Acme <hello@acme.test>',
      WORKER_LANES: 'bulk,critical',
      WORKER_CONCURRENCY: 'bulk:1',
      MIGRATE_ON_START: 'off',
      OUTBOX_RESCUE: 'off',
      RETENTION_DAYS: '7',
      INBOX_TOKEN: 't'.repeat(16),
      LOG_LEVEL: 'debug',
    });
    expect(settings).toMatchObject({
      role: 'worker',
      http: { host: '::', port: 8080, appUrl: 'http://localhost:8080' },
      database: { url: 'postgresql://u:p@localhost/otpost?sslmode=verify-full', poolSize: 4, migrateOnStart: false },
      redisUrl: 'rediss://:p@localhost:6380/2',
      appSecret: 'a'.repeat(32),
      appSecretPrevious: ['b'.repeat(32), 'c'.repeat(40)],
      mail: {
        from: { name: 'Acme', address: 'hello@acme.test' },
        lanes: ['critical', 'bulk'],
        concurrency: { critical: 8, default: 8, bulk: 1 },
        rescue: false,
      },
      retentionDays: 7,
      inboxToken: 't'.repeat(16),
      logLevel: 'debug',
    });
    expect(isAbsolute(settings.dataDir)).toBe(true);
    expect(settings.dataDir).toBe(resolve('var/otpost'));
  });

  it('takes empty and blank variables for not set, and drops blanks around a value', () => {
    const { settings } = readSettings({ PORT: '', REDIS_URL: ' ', ROLE: undefined, APP_SECRET: `${'a'.repeat(32)}\n` });
    expect(settings).toMatchObject({ role: 'all', http: { port: 3000 }, appSecret: 'a'.repeat(32) });
    expect(settings.redisUrl).toBeUndefined();
  });

  it('lets the system choose the port with PORT=0', () => {
    expect(readSettings({ PORT: '0' }).settings.http.port).toBe(0);
  });

  it('accepts http in APP_URL', () => {
    expect(readSettings({ APP_URL: 'http://otpost.test:8080/' }).settings.http.appUrl).toBe('http://otpost.test:8080');
  });

  it('refuses a process on its own without a database, since the embedded Postgres serves one only', () => {
    for (const ROLE of ['web', 'worker']) {
      expect(onlyFault({ ROLE })).toEqual({
        variable: 'DATABASE_URL',
        read: 'not set',
        remedy: expect.stringContaining(`ROLE=${ROLE}`) as unknown,
      });
    }
  });

  it('does not hand out defaults that a caller could change for the next', () => {
    readSettings({}).settings.mail.lanes.pop();
    readSettings({}).settings.mail.concurrency.bulk = 99;
    expect(readSettings({}).settings.mail).toMatchObject({
      lanes: ['critical', 'default', 'bulk'],
      concurrency: { bulk: 4 },
    });
  });
});

describe('the rates', () => {
  const rates = (env: Record<string, string>) =>
    readSettings(env).settings.mail.transports.map(({ name, rate }) => [name, rate]);
  const MAIL_TRANSPORTS = 'smtp://a.example:25,smtp://b.example:25?rate=10/s,capture:';
  const ten = { count: 10, windowMs: 1_000 };
  const fifty = { count: 50, windowMs: 60_000 };

  it('of transports are their own, or MAIL_RATE for each, or none', () => {
    expect(rates({ MAIL_TRANSPORTS })).toEqual([
      ['a.example:25', undefined],
      ['b.example:25', ten],
      ['capture', undefined],
    ]);
    expect(rates({ MAIL_TRANSPORTS, MAIL_RATE: '50/min' })).toEqual([
      ['a.example:25', fifty],
      ['b.example:25', ten],
      ['capture', fifty],
    ]);
    expect(rates({ MAIL_RATE: '50/min' })).toEqual([['capture', fifty]]);
  });

  it.each([
    ['MAIL_RATE', { MAIL_RATE: 'fast' }],
    ['MAIL_TRANSPORTS', { MAIL_TRANSPORTS: 'smtp://user:hunter22@a.example?rate=50' }],
  ])('that cannot be read are refused, with %s and an example', (variable, env) => {
    const fault = onlyFault(env);
    expect(fault.variable).toBe(variable);
    expect(String(fault.remedy)).toMatch(/must be a number of messages in a time, such as .*50\/min/);
    expect(fault.read).not.toContain('hunter22');
  });
});

describe('readSettings in production', () => {
  it('accepts a complete environment without a warning', () => {
    const { settings, warnings } = readSettings(PRODUCTION_ENV);
    expect(warnings).toEqual([]);
    expect(settings).toMatchObject({
      production: true,
      http: { host: '0.0.0.0', port: 3000, appUrl: 'https://accounts.example.com' },
      mail: { transports: [{ kind: 'smtp', name: 'smtp.example.com:465' }] },
    });
  });

  it.each(['RENDER', 'RAILWAY_ENVIRONMENT', 'RAILWAY_ENVIRONMENT_NAME', 'KUBERNETES_SERVICE_HOST'])(
    'is recognised by %s, whatever NODE_ENV says',
    (marker) => {
      expect(readSettings({ ...PRODUCTION_ENV, NODE_ENV: 'development', [marker]: 'x' }).settings.production).toBe(
        true,
      );
      expect(readSettings({ [marker]: '' }).settings.production).toBe(false);
    },
  );

  it('names everything that is missing at once', () => {
    const { faults } = refusal({ NODE_ENV: 'production' });
    expect(faults.map(({ variable, read }) => `${variable} ${read}`)).toEqual([
      'DATABASE_URL not set',
      'APP_URL not set',
      'APP_SECRET not set',
      'MAIL_FROM not set',
      'MAIL_TRANSPORTS not set',
    ]);
    for (const fault of faults) expect(fault.remedy.join()).toContain(`${fault.variable}=`);
  });

  it('refuses plain http, except on loopback', () => {
    expect(onlyFault({ ...PRODUCTION_ENV, APP_URL: 'http://accounts.example.com' }).remedy).toMatch(/must be https/);
    expect(onlyFault({ ...PRODUCTION_ENV, APP_URL: 'http://127.0.0.1.example.com' }).variable).toBe('APP_URL');
    for (const APP_URL of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
      expect(readSettings({ ...PRODUCTION_ENV, APP_URL }).settings.http.appUrl).toBe(APP_URL);
    }
  });

  it('allows an explicit capture: with a warning', () => {
    const { settings, warnings } = readSettings({ ...PRODUCTION_ENV, MAIL_TRANSPORTS: 'capture:' });
    expect(settings.mail.transports).toEqual([{ kind: 'capture', name: 'capture' }]);
    expect(warnings).toEqual([expect.stringMatching(/capture:.*sent to nobody/)]);
  });

  it('keeps the host that is asked for', () => {
    expect(readSettings({ ...PRODUCTION_ENV, HOST: '127.0.0.1' }).settings.http.host).toBe('127.0.0.1');
  });
});
