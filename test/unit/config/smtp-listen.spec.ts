import { readSettings } from '../../../src/configuration.js';
import { refusal } from './faults.js';

const TLS = { SMTP_TLS_CERT: '/etc/tls.crt', SMTP_TLS_KEY: '/etc/tls.key' };
const read = (env: Record<string, string>) => readSettings(env).settings.smtpIn;
const remedyOf = (env: Record<string, string>, variable = 'SMTP_LISTEN') =>
  refusal(env)
    .faults.find((one) => one.variable === variable)
    ?.remedy.join(' ');

describe('SMTP_LISTEN', () => {
  it('is off where it is not set', () => {
    expect(read({})).toEqual({ listeners: [], tls: undefined });
  });

  it('names ports on HOST, and addresses with ports', () => {
    expect(read({ ...TLS, HOST: '0.0.0.0', SMTP_LISTEN: '587, 465,' })).toEqual({
      listeners: [
        { host: '0.0.0.0', port: 587, tls: 'starttls' },
        { host: '0.0.0.0', port: 465, tls: 'implicit' },
      ],
      tls: { cert: '/etc/tls.crt', key: '/etc/tls.key' },
    });
    expect(
      read({ ...TLS, SMTP_LISTEN: '0.0.0.0:2587?tls=off,[::1]:2588?tls=implicit,mail.internal:25?tls=starttls' })
        .listeners,
    ).toEqual([
      { host: '0.0.0.0', port: 2587, tls: 'off' },
      { host: '::1', port: 2588, tls: 'implicit' },
      { host: 'mail.internal', port: 25, tls: 'starttls' },
    ]);
    expect(read({ SMTP_LISTEN: '0,0' }).listeners).toHaveLength(2);
  });

  it.each([
    [',', /must name ports/],
    ['smtp', /must be a port/],
    ['65536', /must be a port/],
    ['587 465', /must be a port/],
    ['::1:587', /must be a port.*brackets/],
    ['[127.0.0.1]:587', /must be a port/],
    ['smtp://0.0.0.0:587', /must be a port/],
    ['587?tls=no', /understands \?tls=off/],
    ['587?rate=1', /understands \?tls=off/],
    ['465', /needs a certificate/],
    ['2465?tls=implicit', /needs a certificate/],
    ['465?tls=off', /port 465 is TLS/],
    ['587,127.0.0.1:587', /each port once/],
  ])('%s is refused', (text, remedy) => {
    expect(remedyOf({ SMTP_LISTEN: text })).toMatch(remedy);
  });

  it('has both files of its certificate, or none', () => {
    expect(remedyOf({ SMTP_TLS_CERT: '/a' }, 'SMTP_TLS_KEY')).toMatch(/is required with SMTP_TLS_CERT/);
    expect(remedyOf({ SMTP_TLS_KEY: '/a' }, 'SMTP_TLS_CERT')).toMatch(/is required with SMTP_TLS_KEY/);
    expect(remedyOf({ SMTP_TLS_CERT: '~/tls.crt', SMTP_TLS_KEY: '/a' }, 'SMTP_TLS_CERT')).toMatch(/without ~/);
  });

  it('shows nobody the key that stands in the place of its file', () => {
    const [fault] = refusal({ SMTP_TLS_CERT: '/a', SMTP_TLS_KEY: '-----BEGIN PRIVATE KEY-----\nMIIEvQ\n' }).faults;
    expect(fault!.remedy.join(' ')).toMatch(/path of a file/);
    expect(JSON.stringify(fault)).not.toContain('MIIEvQ');
  });
});
