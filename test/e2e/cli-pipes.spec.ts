import { createApiKey } from '../support/service/api-key.js';
import { runCli } from '../support/service/cli.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';

const COMMANDS = [
  '--help',
  '--version',
  'outbox list --help',
  'outbox list',
  'outbox stats --json',
  'queue stats',
  'transports list --json',
  'keys list',
  'keys create --name shop --scope emails:send',
  'admin list --json',
  'audit list',
  'signing-keys list',
  'migrate --status',
  'doctor',
  'send --to ada@example.com --wait 1s',
];

describe('a command whose output nobody reads', () => {
  let otpost: Otpost;
  let env: Record<string, string>;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    env = { DATABASE_URL: otpost.database.url, APP_SECRET: TEST_SECRET };
    const authorization = `Bearer ${await createApiKey(otpost.database.url)}`;
    await otpost.api.post('/v1/emails', { to: 'ada@example.com', subject: 'News', text: 'Hello.' }, { authorization });
  });
  afterAll(() => otpost.stop());

  it.each(COMMANDS)('ends quietly, as programs do at a pipe that was closed: otpost %s', async (line) => {
    const { code, err } = await runCli(line.split(' '), env, { unread: ['out'] });
    expect([code, err.includes('EPIPE'), /^ +at /m.test(err)]).toEqual([141, false, false]);
  });

  it.each(['nonsense', 'keys create', 'outbox list'])(
    'ends quietly where both of its outputs have no reader: otpost %s',
    async (line) => {
      expect((await runCli(line.split(' '), env, { unread: ['out', 'err'] })).code).toBe(141);
    },
  );
});
