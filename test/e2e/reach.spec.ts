import { lookAround } from '../../src/announce.js';
import { readSettings } from '../../src/configuration.js';
import { settingsModule } from '../../src/config/settings.module.js';
import { createLogger } from '../../src/core/logger.js';
import { startProcess } from '../../src/process.js';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { ProviderServer } from '../support/http/provider-server.js';
import { Api } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { HANG, MisbehavingSmtp } from '../support/smtp/misbehaving-smtp.js';

const cleanUp: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (let end = cleanUp.pop(); end; end = cleanUp.pop()) await end();
});

async function misbehaving(...args: Parameters<typeof MisbehavingSmtp.start>): Promise<MisbehavingSmtp> {
  const server = await MisbehavingSmtp.start(...args);
  cleanUp.push(() => server.stop());
  return server;
}

describe('a process that starts', () => {
  interface Started {
    api: Api;
    output: string[];
    stop(): Promise<unknown>;
  }

  async function environment(transport: string, more: Record<string, string>): Promise<Record<string, string>> {
    const database = await createDatabase();
    cleanUp.push(() => database.drop());
    return { DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: transport, PORT: '0', ...more };
  }

  /** The same steps as in src/main.ts, in this process. */
  async function start(transport: string, more: Record<string, string> = {}): Promise<Started> {
    const { settings, warnings } = readSettings(await environment(transport, more));
    const output: string[] = [];
    const log = createLogger(settings.logLevel, settings.role, { write: (line) => output.push(line) });
    const running = lookAround(
      settings,
      await startProcess({ settings, warnings, module: settingsModule(settings) }, undefined, log),
    );
    cleanUp.push(() => running.stop());
    return { api: new Api(running.url!), output, stop: () => running.stop() };
  }

  async function line(
    { output }: { output: string[] },
    says: RegExp,
  ): Promise<{ level: string; msg: string; transport: string; remedy?: string }> {
    return eventually(() => {
      const found = output.find((text) => says.test(text));
      return found === undefined ? undefined : (JSON.parse(found) as { level: string; msg: string; transport: string });
    }, String(says));
  }

  it('says that its transport answers, without a login: the built one', async () => {
    const server = await misbehaving({}, ['AUTH PLAIN']);
    const process = await OtpostProcess.start(await environment(`smtp://ada:hunter22@127.0.0.1:${server.port}`, {}));
    cleanUp.push(() => process.stop());
    expect(await line(process, / answers \(\d+ ms\)/)).toMatchObject({
      level: 'info',
      transport: `127.0.0.1:${server.port}`,
    });
    expect(server.lines.map((said) => said.split(' ')[0])).toEqual(['EHLO', 'QUIT']);
  });

  describe('with a provider that answers, and a server that does not', () => {
    let provider: ProviderServer;
    let database: TestDatabase;
    let started: Started;
    beforeAll(async () => {
      provider = await ProviderServer.start('resend');
      cleanUp.push(() => provider.stop());
      database = await createDatabase();
      cleanUp.push(() => database.drop());
      const transports = `resend:hunter22?endpoint=${provider.url},smtp://127.0.0.1:9`;
      started = await start(transports, { DATABASE_URL: database.url, ROLE: 'worker' });
    });

    it('says that the HTTP provider answers, without its key', async () => {
      expect(await line(started, /resend answers \(\d+ ms\)/)).toMatchObject({ level: 'info', transport: 'resend' });
      expect(JSON.stringify(provider.requests)).not.toContain('hunter22');
    });

    it('warns that the server does not, with what to do, and leaves the states of the transports alone', async () => {
      const told = await line(started, /is refused/);
      expect(told).toMatchObject({
        level: 'warn',
        transport: '127.0.0.1:9',
        msg: '127.0.0.1:9: 9 is refused: nothing listens there, or a firewall says no',
      });
      expect(told.remedy).toContain('Correct the host and the port');
      expect(await database.query('SELECT name, failures, paused_at FROM transport_states ORDER BY name')).toEqual([
        { name: '127.0.0.1:9', failures: 0, paused_at: null },
        { name: 'resend', failures: 0, paused_at: null },
      ]);
      expect(await database.query('SELECT 1 FROM transport_hosts')).toEqual([]);
    });
  });

  it('stops at once while it is still looking, and says nothing of it then', async () => {
    const server = await misbehaving({ greeting: HANG });
    const { output, ...service } = await start(server.url);
    await eventually(() => server.connections > 0, 'the server to be dialled');
    await service.stop();
    await eventually(() => server.open === 0, 'the look to be given up');
    expect(output.join('')).not.toMatch(/says nothing|answers/); // as it does after five seconds
  });

  it('does not look where it delivers nothing', async () => {
    const server = await misbehaving();
    const service = await start(server.url, { ROLE: 'web', OUTBOX_RESCUE: 'off' });
    await service.api.get('/health');
    await service.stop();
    expect(server.connections).toBe(0);
  });
});
