import { readSettings } from '../../../src/configuration.js';
import { quote } from '../../../src/core/mask.js';
import { type BrokerFinding, brokerVerdicts } from '../../../src/doctor/broker-verdict.js';
import { type Check, configurationVerdicts, inOrder, reportText, worstOf } from '../../../src/doctor/report.js';

const CHECKS: Check[] = [
  { area: 'mail', name: 'ledger', status: 'ok', summary: 'balances' },
  {
    area: 'smtp',
    name: 'smtp.example.com:587',
    status: 'fail',
    ms: 5000.4,
    summary: '587 hangs',
    remedy: 'Use port 2525.',
  },
  { area: 'configuration', name: 'notice', status: 'warn', summary: 'odd' },
  { area: 'broker', name: 'maxmemory-policy', status: 'skip', summary: 'not told' },
];

describe('a report', () => {
  it('is a line a check, aligned, what to do below it, and the worst once more at the end', () => {
    const text = reportText({
      host: 'web-1',
      role: 'web',
      at: '2026-11-21T09:00:00.000Z',
      checks: inOrder(CHECKS),
      status: 'fail',
    });
    expect(text.split('\n')).toEqual([
      'This is web-1, ROLE=web, 2026-11-21T09:00:00.000Z.',
      '',
      'warn  configuration  notice                odd',
      'skip  broker         maxmemory-policy      not told',
      'fail  smtp           smtp.example.com:587  587 hangs (5000 ms)',
      '                     → Use port 2525.',
      'ok    mail           ledger                balances',
      '',
      '1 failure, 1 warning:',
      '  fail  smtp smtp.example.com:587: 587 hangs',
      '  warn  configuration notice: odd',
    ]);
  });

  it('is as bad as its worst check; what was not looked at does not count', () => {
    const worst = (...statuses: Check['status'][]) => worstOf(statuses.map((status) => ({ ...CHECKS[0]!, status })));
    expect([worst('ok', 'warn', 'fail'), worst('ok', 'warn'), worst('ok', 'skip')]).toEqual(['fail', 'warn', 'ok']);
  });
});

describe("somebody else's words", () => {
  it('are one line, without secrets, addresses and control characters', () => {
    const plain = Buffer.from('\0ada\0hunter22').toString('base64');
    const said = `535-5.7.8 no\n535 \x1b[31m5.7.8 ada.lovelace@example.com hunter22 ${Buffer.from('hunter22').toString('base64')} ${plain}`;
    expect(quote(said, ['hunter22', plain])).toBe('535-5.7.8 no 535 [31m5.7.8 ***@example.com *** *** ***');
  });

  it('are not shown without end', () => {
    expect(quote('x'.repeat(1_000))).toHaveLength(241);
  });
});

describe('the broker', () => {
  const UP: BrokerFinding = {
    kind: 'redis',
    up: true,
    ms: 1,
    version: '7.2.4',
    policy: 'noeviction',
    persistence: [],
    maxmemory: '0B',
  };

  it('is Postgres where there is no Redis', () => {
    expect(brokerVerdicts('postgres', { kind: 'postgres' })).toEqual([expect.objectContaining({ status: 'ok' })]);
  });

  it('need not keep anything', () => {
    const checks = brokerVerdicts('redis:6379', { ...UP, persistence: ['an append-only file', 'snapshots'] });
    expect(checks.map(({ status, summary }) => [status, summary])).toEqual([
      ['ok', 'Redis 7.2.4 takes writes'],
      ['ok', 'noeviction'],
      ['ok', 'an append-only file and snapshots; none is needed: Postgres is the record'],
    ]);
  });

  it.each([
    ['allkeys-lru', 'warn', /may throw wake-ups away/],
    [undefined, 'skip', /does not tell/],
  ])('asks for a look with the policy %s', (policy, status, says) => {
    expect(brokerVerdicts('redis:6379', { ...UP, policy })[1]).toMatchObject({
      status,
      summary: expect.stringMatching(says) as string,
    });
  });

  it.each([
    ['OOM', /full/],
    ['WRONGPASS', /password/],
    ['READONLY', /replica/],
    ['ECONNREFUSED', /whether it runs/],
  ])('that cannot be used (%s) fails, and loses nothing', (error, advises) => {
    expect(brokerVerdicts('redis:6379', { kind: 'redis', up: false, error, words: `words of ${error}` })).toEqual([
      expect.objectContaining({
        status: 'fail',
        summary: `Redis cannot be used: words of ${error}`,
        remedy: expect.stringMatching(advises) as string,
      }),
    ]);
  });
});

describe('the configuration', () => {
  const PRODUCTION = {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgres://u:p@db.example.com/x',
    APP_SECRET: 'x'.repeat(40),
    MAIL_FROM: 'a@example.com',
    APP_URL: 'https://accounts.example.com',
    MAIL_TRANSPORTS: 'smtp://u:p@smtp.example.com:587',
  };
  const told = (env: Record<string, string>) => {
    const { settings, warnings } = readSettings(env);
    return configurationVerdicts(settings, warnings).map(({ name, status }) => `${status} ${name}`);
  };

  it('of a production that is in order', () => {
    expect(told(PRODUCTION)).toEqual(['ok settings', 'ok APP_URL']);
  });

  it.each<[string, Record<string, string>, string]>([
    ['links that lead nowhere', { ...PRODUCTION, APP_URL: 'http://localhost:3000' }, 'warn APP_URL'],
    ['links in clear text', { APP_URL: 'http://accounts.example.com' }, 'warn APP_URL'],
    ['a production that sends to nobody', { ...PRODUCTION, MAIL_TRANSPORTS: 'capture:' }, 'fail MAIL_TRANSPORTS'],
    ['names that were meant otherwise', { MAIL_TRANSPORT: 'capture:' }, 'warn notice'],
  ])('tells of %s', (_what, env, expected) => {
    expect(told(env)).toContain(expected);
  });
});
