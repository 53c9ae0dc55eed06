import { readSettings } from '../../../src/configuration.js';
import { SMS_PROVIDERS } from '../../../src/mail/sms/sms-providers.js';
import { PRODUCTION_ENV, refusal } from './faults.js';

const withSms = (entries: string, more: Record<string, string> = {}) => ({
  SMS_TRANSPORTS: entries,
  SMS_COUNTRIES: 'PH',
  ...more,
});
const transports = (entries: string) => readSettings(withSms(entries)).settings.sms.transports;
const remedyOf = (env: Record<string, string>) =>
  refusal(env).faults.map(({ variable, remedy }) => [variable, remedy.join(' ')]);

describe('SMS_TRANSPORTS', () => {
  it('is read in order, with what bounds each', () => {
    expect(
      transports('twilio:ACabc:token:+15005550006?rate=5/s,vonage:key:secret:Acme,semaphore:key,capture:'),
    ).toEqual([
      {
        kind: 'http',
        channel: 'sms',
        provider: 'twilio',
        name: 'twilio',
        rate: { count: 5, windowMs: 1_000 },
        account: { sid: 'ACabc', token: 'token', from: '+15005550006' },
      },
      {
        kind: 'http',
        channel: 'sms',
        provider: 'vonage',
        name: 'vonage',
        account: { key: 'key', secret: 'secret', from: 'Acme' },
      },
      {
        kind: 'http',
        channel: 'sms',
        provider: 'semaphore',
        name: 'semaphore',
        account: { key: 'key', from: undefined, route: 'priority' },
      },
      { kind: 'capture', channel: 'sms', name: 'capture:sms' },
    ]);
    expect(transports('http:/etc/otpost/gateway.yaml?key=abc')).toEqual([
      {
        kind: 'http',
        channel: 'sms',
        provider: 'http',
        name: 'http:gateway.yaml',
        account: { file: '/etc/otpost/gateway.yaml', key: 'abc' },
      },
    ]);
  });

  it('adds the lane of SMS to what a worker works', () => {
    expect(readSettings({}).settings.mail.lanes).toEqual(['critical', 'default', 'bulk']);
    expect(readSettings(withSms('capture:')).settings.mail.lanes).toEqual(['critical', 'default', 'bulk', 'sms']);
  });

  it.each(SMS_PROVIDERS.map(({ kind, entry }) => [kind, entry.example] as const))(
    'takes the example of %s',
    (kind, example) => {
      expect(transports(example)).toMatchObject([{ provider: kind }]);
    },
  );

  it.each([
    ['twilio:ACabc:token', 'twilio: wants the account SID'],
    ['twilio:XXabc:token:+15005550006', 'twilio: wants the account SID'],
    ['twilio:ACabc:token:A name that is too long', 'twilio: wants'],
    ['vonage:key:secret', 'vonage: wants'],
    ['vonage:key:secret:+4930123456', 'vonage: wants'],
    ['semaphore:', 'semaphore: wants'],
    ['http:relative.yaml', 'http: wants the path'],
    ['carrierpigeon:coo', 'must begin with twilio:, vonage:, semaphore:, http:, capture:'],
    ['capture:x', 'takes nothing after the colon'],
    ['twilio:ACabc:token:+15005550006?endpoint=http://example.com', 'endpoint is for tests'],
  ])('refuses %s, and says what it wants', (entry, remedy) => {
    expect(remedyOf(withSms(entry))).toEqual([['SMS_TRANSPORTS', expect.stringContaining(remedy) as string]]);
  });

  it('shows no secret of a wrong entry', () => {
    const { message } = refusal(withSms('twilio:ACabc:super-secret-token'));
    expect(message).not.toContain('super-secret');
    expect(message).toContain('twilio:***');
  });

  it('has no test server in production', () => {
    const entry = 'semaphore:key?endpoint=http://127.0.0.1:1';
    expect(remedyOf({ ...PRODUCTION_ENV, ...withSms(entry) })).toEqual([
      ['SMS_TRANSPORTS', expect.stringContaining('?endpoint=') as string],
    ]);
  });

  it('is warned about where capture: takes codes in production', () => {
    expect(readSettings({ ...PRODUCTION_ENV, ...withSms('capture:') }).warnings).toEqual(
      expect.arrayContaining([expect.stringContaining('SMS_TRANSPORTS has capture:')]),
    );
  });
});

describe('SMS_COUNTRIES', () => {
  it('is required with SMS_TRANSPORTS, for there is no country by default', () => {
    expect(remedyOf({ SMS_TRANSPORTS: 'capture:' })).toEqual([
      ['SMS_COUNTRIES', expect.stringContaining('is required with SMS_TRANSPORTS') as string],
    ]);
  });

  it('names countries that there are', () => {
    expect(readSettings(withSms('capture:', { SMS_COUNTRIES: 'ph, DE,PH' })).settings.sms.countries).toEqual([
      'PH',
      'DE',
    ]);
    expect(remedyOf(withSms('capture:', { SMS_COUNTRIES: 'PH,XX' }))).toEqual([
      ['SMS_COUNTRIES', expect.stringContaining('XX is none') as string],
    ]);
  });
});

describe('SMS_TEST_NUMBERS', () => {
  const NUMBER = '+15005550006:123456:2027-01-31';

  it('has numbers with a code and a last day', () => {
    expect(readSettings({ SMS_TEST_NUMBERS: NUMBER }).settings.sms.testNumbers).toEqual([
      { number: '+15005550006', code: '123456', until: new Date('2027-01-31T23:59:59.999Z') },
    ]);
  });

  it('has none without a last day, a country or a code that people type', () => {
    for (const entry of [
      '+15005550006:123456',
      '5005550006:123456:2027-01-31',
      '+15005550006:12:2027-01-31',
      '+15005550006:123456:soon',
    ])
      expect(remedyOf({ SMS_TEST_NUMBERS: entry })).toEqual([
        ['SMS_TEST_NUMBERS', expect.stringContaining('such as') as string],
      ]);
  });

  it('is refused in production without a flag, and told of with one', () => {
    expect(remedyOf({ ...PRODUCTION_ENV, SMS_TEST_NUMBERS: NUMBER })).toEqual([
      ['SMS_TEST_NUMBERS', expect.stringContaining('SMS_TEST_IN_PRODUCTION=on') as string],
    ]);
    const { warnings } = readSettings({ ...PRODUCTION_ENV, SMS_TEST_NUMBERS: NUMBER, SMS_TEST_IN_PRODUCTION: 'on' });
    expect(warnings).toEqual(
      expect.arrayContaining([expect.stringContaining('SMS_TEST_NUMBERS has numbers in production')]),
    );
  });
});
