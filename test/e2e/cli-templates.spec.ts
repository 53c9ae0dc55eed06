import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createDatabase } from '../support/database/postgres.js';
import { type Finished, runCli } from '../support/service/cli.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';

describe('otpost templates', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'otpost-cli-templates-'));
    const files = {
      'right/login-code/de/subject.liquid': 'Code {{ reference }}',
      'wrong/login-code/de/subject.liquid': 'Code\n{{ refrence }}',
    };
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const otpost = (args: string[], env: Record<string, string> = {}): Promise<Finished> =>
    runCli(['templates', ...args], env, { cwd: folder });
  const WRONG = 'login-code: login-code/de/subject.liquid, line 2: refrence is no variable of the template. ';

  it('check says what can be used', async () => {
    const { code, out, err } = await otpost(['check'], { TEMPLATES_DIR: join(folder, 'right') });
    expect([code, out]).toEqual([0, 'login-code  de\n']);
    expect(err).toContain('1 template can be used, 0 faults.');
  });

  it('check tells what cannot, by file, line and remedy', async () => {
    const { code, out, err } = await otpost(['check', '--dir', join(folder, 'wrong')]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(`${WRONG}Declare it in meta.yaml, or use one of code, reference,`);
    const { code: ended, out: json } = await otpost(['check', '--json', '--dir', join(folder, 'wrong')]);
    expect([ended, JSON.parse(json)]).toMatchObject([
      1,
      { templates: [], faults: [{ template: 'login-code', line: 2 }] },
    ]);
  });

  it('check wants a folder that can be read', async () => {
    expect(await otpost(['check'])).toMatchObject({ code: 2, err: expect.stringContaining('--dir') as string });
    const { code, err } = await otpost(['check', '--dir', join(folder, 'nowhere')]);
    expect([code, err]).toEqual([1, expect.stringContaining('cannot be read (ENOENT)')]);
  });

  it('preview shows a mail as this environment would send it', async () => {
    const env = { TEMPLATES_DIR: join(folder, 'right'), BRAND_NAME: 'Acme', BRAND_SUPPORT: 'help@acme.example' };
    const { code, out } = await otpost(['preview', 'login-code', '--locale', 'de-AT'], env);
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^Subject: Code K7QX\nLanguage: de\n\nAcme\n[^]+\n123456\n[^]+help@acme\.example\n$/),
    ]);
    expect((await otpost(['preview', 'login-code', '--html'])).out).toMatch(/^<!doctype html>[^]+<\/html>/);
    expect(JSON.parse((await otpost(['preview', 'broadcast', '--json'])).out)).toMatchObject({
      subject: 'What is new in November',
      text: expect.stringContaining('Unsubscribe: https://example.com/unsubscribe') as string,
    });
  });

  it('preview names the templates that there are', async () => {
    const { code, err } = await otpost(['preview', 'nothing']);
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(/There is no template "nothing"; there are account-exists-code, .*welcome\./),
    ]);
    expect((await otpost(['preview'])).code).toBe(2);
    expect((await otpost(['preview', 'test', '--locale', 'German!'])).code).toBe(2);
  });

  it('a start with a broken folder ends, and says the same', async () => {
    const database = await createDatabase();
    const env = { DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, PORT: '0' };
    const process = new OtpostProcess({ ...env, TEMPLATES_DIR: join(folder, 'wrong') });
    expect(await process.exit()).toBe(1);
    expect(process.text).toContain(WRONG);
    expect(process.text).not.toMatch(/^\s+at /m); // no stack
    await database.drop();
  });
});
