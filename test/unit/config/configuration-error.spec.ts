import { inspect } from 'node:util';
import fc from 'fast-check';
import type { ConfigurationError } from '../../../src/config/read-settings.js';
import { StartupError } from '../../../src/core/startup-error.js';
import { refusal } from './faults.js';

describe('ConfigurationError', () => {
  it('lists every fault with what was read and what to do, aligned', () => {
    const error = refusal({ PORT: '70000', MAIL_TRANSPORTS: 'smtp://user:hunter22@mail.example.com?tls=off' });
    expect(error).toBeInstanceOf(StartupError);
    expect(error.message).toBe(
      [
        'Otpost cannot start: 2 settings are wrong.',
        '  PORT             read "70000"',
        '                   must be a port from 1 to 65535, such as PORT=3000.',
        '  MAIL_TRANSPORTS  read "smtp://user:***@mail.example.com?tls=off"',
        '                   credentials are never sent without TLS. Remove ?tls=off, or the user and the password.',
      ].join('\n'),
    );
    expect(error.remedy).toMatch(/\.env/);
  });

  it('speaks of one setting when it is one', () => {
    expect(refusal({ PORT: 'x' }).message).toMatch(/^Otpost cannot start: 1 setting is wrong\.\n/);
  });

  it('shows of a secret only how long it is', () => {
    const [fault] = refusal({ APP_SECRET: 'correct horse' }).faults;
    expect(fault?.read).toBe('read *** (13 characters)');
  });

  it('keeps a long value short and on its line', () => {
    const [fault] = refusal({ LOG_LEVEL: `x\n${'y'.repeat(500)}` }).faults;
    expect(fault?.read).toMatch(/^read "x\\ny+…"$/);
    expect(fault?.read.length).toBeLessThan(140);
  });

  it('hides the password of a URL in the wrong variable', () => {
    const [fault] = refusal({ PORT: 'postgres://u:hunter22@db/x' }).faults;
    expect(fault?.read).toBe('read "postgres://u:***@db/x"');
  });

  // Markers with special characters between them: not even a piece of such a secret gets through unseen.
  const marker = 'Zq7Xk';
  const special = fc.constantFrom(...'@:/?#%,;&=+ "\'<>[]{}|\\^`~!$*()\n\t1', '://', '$value', '%2');
  const secret = fc
    .array(fc.oneof(fc.constant(marker), special), { minLength: 2, maxLength: 8 })
    .map((parts) => `${marker}${parts.join('')}`);

  const transports = secret.chain((raw) =>
    fc.constantFrom(
      `smtp://user:${raw}@mail.example.com?tls=off`,
      `smtp://user:${encodeURIComponent(raw)}@mail.example.com?tls=off`,
      `smtp://${raw}:${raw}@mail.example.com/x`,
      // With an @ in it, what follows is the host: nothing can tell that from a forgotten one.
      `smtps://user:${raw.replaceAll('@', '')}`,
      `smtps://${encodeURIComponent(raw)}@mail.example.com`,
      `smpt://user:${raw}@mail.example.com`,
      `"smtp://user:${raw}@mail.example.com"`,
      `user:${raw}@mail.example.com`,
      `resend:${raw}`,
      `capture:,mailjet:key:${raw}`,
      `capture:,${raw}`,
      raw,
    ),
  );
  const url = (scheme: string) =>
    secret.chain((raw) =>
      fc.constantFrom(
        `${scheme}://user:${raw}@db.example.com:port/x`,
        `${scheme}://user:${encodeURIComponent(raw)}@db.example.com:5432/x#y`,
        `${scheme}://:${raw}@db example`,
        `wrong://user:${raw}@db.example.com/x?password=y`,
        `wrong://db.example.com/x?password=${encodeURIComponent(raw)}`,
        `user:${raw}@db.example.com`,
        `host=db.example.com password=${raw}`,
        `'${scheme}://user:${raw}@db.example.com/x'`,
        raw,
      ),
    );

  it('never shows a password or a secret, nor a piece of one, however malformed its surroundings', () => {
    const environment = fc.record({
      PORT: fc.constant('wrong'),
      NODE_ENV: fc.constantFrom('production', 'development', undefined),
      ROLE: fc.constantFrom('all', 'worker', undefined),
      DATABASE_URL: url('postgres'),
      REDIS_URL: url('redis'),
      APP_URL: url('https'),
      APP_SECRET: fc.oneof(
        secret,
        secret.map((text) => text.slice(0, 20)),
      ),
      APP_SECRET_PREVIOUS: fc.tuple(secret, secret).map((secrets) => secrets.join(',')),
      INBOX_TOKEN: secret.map((text) => text.slice(0, 12)),
      MAIL_TRANSPORTS: transports,
    });
    fc.assert(
      fc.property(environment, (env) => {
        const error: ConfigurationError = refusal(env);
        const everything = [
          error.message,
          error.remedy,
          error.stack,
          String(error),
          JSON.stringify(error),
          inspect(error, { depth: 9 }),
        ];
        expect(everything.join('\n')).not.toContain(marker);
      }),
      { numRuns: 1000 },
    );
  });
});
