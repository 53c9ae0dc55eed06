import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../../src/core/process-facts.js';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { Api } from '../support/service/api.js';
import { LIMITS_OFF } from '../support/service/limits.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { verify } from '../support/service/story.js';
import { eventually } from '../support/signals/wait.js';
import { codeIn, SmtpSink } from '../support/smtp/smtp-sink.js';
import { noteConfiguration, openLog } from '../support/text/test-logs.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FETCHED = `${ROOT}tools/node-versions/node_modules`;
/** The machine's own, and those that the gate fetches. */
const NODES: [version: string, program: string][] = [
  ['the machine’s own', process.execPath],
  ...['24', '26'].map((major): [string, string] => [major, `${FETCHED}/node-${major}/bin/node`]),
];

/** `node dist/main.js` of another Node than the one of the tests. */
class Service {
  readonly output: string[] = [];
  private readonly child: ChildProcess;

  constructor(program: string, env: Record<string, string>) {
    const log = openLog();
    noteConfiguration(env);
    this.child = spawn(program, [`${ROOT}dist/main.js`], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], ...LIMITS_OFF, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.output.push(line);
        log?.write(line);
      });
    }
  }

  /** Once it is ready. */
  async api(): Promise<Api> {
    const line = await eventually(() => {
      if (this.child.exitCode !== null)
        throw new Error(`it ended with ${this.child.exitCode}:\n${this.output.join('\n')}`);
      return this.output.find((text) => text.includes('"msg":"ready"'));
    }, 'the service to be ready');
    return new Api((JSON.parse(line) as { url: string }).url);
  }

  /** @returns its exit code */
  async stop(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      await once(this.child, 'exit');
    }
    return this.child.exitCode;
  }
}

describe.each(NODES)('the built service on Node: %s', (version, program) => {
  // Fetched by the gate where there are such, on linux-x64; it says so where there are none.
  const here = existsSync(program) ? it : it.skip;
  let sink: SmtpSink;
  let database: TestDatabase;
  let service: Service | undefined;

  beforeAll(async () => {
    [sink, database] = await Promise.all([SmtpSink.start(), createDatabase()]);
  });
  afterAll(async () => {
    await service?.stop();
    await database.drop();
    await sink.stop();
  });

  const env = (): Record<string, string> => ({
    DATABASE_URL: database.url,
    APP_SECRET: TEST_SECRET,
    MAIL_TRANSPORTS: sink.url,
    MAIL_FROM: 'no-reply@example.com',
    PORT: '0',
    LOG_LEVEL: 'debug',
  });

  here('is of that version', () => {
    const found = execFileSync(program, ['--version'], { encoding: 'utf8' });
    if (/^\d+$/.test(version)) expect(found).toMatch(new RegExp(`^v${version}\\.`));
    else expect(found.trim()).toBe(process.version);
  });

  here('registers, mails the code, takes it, and knows who asks', async () => {
    service = new Service(program, env());
    const api = await service.api();
    const email = 'ada@example.com';
    const issued = await api.register(email, { name: 'Ada', password: 'correct horse battery staple' });
    const [received] = await sink.waitForMailTo(email);
    const { accessToken } = await verify(api, issued, codeIn(received!.mail.text));
    expect(await api.get('/v1/me', accessToken)).toMatchObject({ status: 200, body: { email, name: 'Ada' } });
  });

  here('warns of nothing that this Node will take away', () => {
    expect(service!.output.filter((line) => /\bDEP\d{4}\b|ExperimentalWarning/.test(line))).toEqual([]);
  });

  here('ends at SIGTERM', async () => {
    expect(await service!.stop()).toBe(0);
  });

  here('lets its commands run', () => {
    const cli = (...args: string[]): string =>
      execFileSync(program, [`${ROOT}dist/cli.js`, ...args], {
        cwd: ROOT,
        env: { PATH: process.env['PATH'], ...env() },
        encoding: 'utf8',
      });
    expect(cli('--version')).toContain(VERSION);
    expect(cli('outbox', 'list')).toContain('sent');
  });
});
