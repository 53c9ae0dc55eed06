import { runCli } from '../support/service/cli.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';

interface ShownKey {
  id: string;
  state: string;
  createdAt: string;
  activeFrom: string;
  removedAfter: string | null;
}

describe('otpost signing-keys', () => {
  let otpost: Otpost;
  let env: Record<string, string>;
  let former: ShownKey | undefined;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web' });
    env = { DATABASE_URL: otpost.database.url, APP_SECRET: TEST_SECRET };
  });
  afterAll(() => otpost.stop());

  async function listed(): Promise<ShownKey[]> {
    return JSON.parse((await runCli(['signing-keys', 'list', '--json'], env)).out) as ShownKey[];
  }

  it('shows the one key of a new deployment, and nothing secret', async () => {
    const [[key, ...others], { out }] = await Promise.all([listed(), runCli(['signing-keys', 'list'], env)]);
    expect(others).toEqual([]);
    expect(key).toEqual({
      id: expect.stringMatching(/^[\w-]{43}$/) as string,
      state: 'signs',
      createdAt: key!.activeFrom,
      activeFrom: expect.any(String) as string,
      removedAfter: null,
    });
    expect(out.split('\n')).toHaveLength(3);
    expect(out).toContain(key!.id);
    former = key;
  });

  it('rotates: the new key waits ten minutes, and the former is told when it goes', async () => {
    const { code, out, err } = await runCli(['signing-keys', 'rotate'], env);
    expect([code, err]).toEqual([0, expect.stringContaining('The new key is published')]);
    const [next, last] = await listed();
    expect(next).toMatchObject({ id: out.trim(), state: 'signs later', removedAfter: null });
    expect(Date.parse(next!.activeFrom) - Date.parse(next!.createdAt)).toBe(10 * 60_000);
    const removedAfter = new Date(Date.parse(next!.activeFrom) + 16 * 60_000).toISOString();
    expect(last).toEqual({ ...former, state: 'signs', removedAfter });
  });

  it('does not rotate again while one waits', async () => {
    const { code, out, err } = await runCli(['signing-keys', 'rotate'], env);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('is new already');
    expect(await listed()).toHaveLength(2);
  });

  it('is understood, and explains itself', async () => {
    const [help, strange] = await Promise.all([
      runCli(['signing-keys', 'rotate', '--help'], env),
      runCli(['signing-keys', 'rotate', '--now'], env),
    ]);
    expect([help.out, strange.code]).toEqual([expect.stringContaining('Nobody is signed out'), 2]);
  });
});
