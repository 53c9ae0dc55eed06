import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OtpostCommand } from '../support/service/otpost-command.js';
import type { IssuedBody } from '../support/service/api.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { postfixDsn } from '../support/smtp/bounces.js';
import { portOf } from '../support/smtp/smtp-way-in.js';
import { commandsOf, type DocumentedCommand, fits, PAGES, unmarkedCommandsOf } from '../support/text/docs-commands.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const METRICS_TOKEN = 'the-token-of-whoever-runs-it';

/** Commands that are not run here. `by`: the test that runs them. */
const ELSEWHERE: readonly { page: string; begins: string; by?: string; why: string }[] = [
  { page: 'README.md', begins: 'npm ci', why: 'It fetches every package anew; each run of the gate began with it.' },
  {
    page: 'README.md',
    begins: 'npm start',
    by: 'test/e2e/first-minute.spec.ts',
    why: 'It is the start with an embedded Postgres, and does not end.',
  },
  { page: 'README.md', begins: 'npm run build', why: 'The gate has built before it runs tests.' },
  {
    page: 'README.md',
    begins: 'node dist/main.js',
    by: 'test/e2e/roles.spec.ts',
    why: 'It needs a Postgres and an SMTP server of these names, and does not end.',
  },
  {
    page: 'docs/doctor.md',
    begins: 'otpost send',
    by: 'test/e2e/doctor.spec.ts',
    why: 'What is shown comes of an SMTP server.',
  },
  {
    page: 'docs/operations.md',
    begins: 'pg_dump',
    by: 'test/e2e/restore.spec.ts',
    why: 'It needs the pg_dump of the version of the server.',
  },
  {
    page: 'docs/operations.md',
    begins: 'pg_restore',
    by: 'test/e2e/restore.spec.ts',
    why: 'It needs an empty database.',
  },
  {
    page: 'docs/operations.md',
    begins: 'test ! -e .data',
    by: 'test/e2e/first-minute.spec.ts',
    why: 'It needs an embedded Postgres.',
  },
  {
    page: 'docs/operations.md',
    begins: 'otpost rotate-secret ',
    by: 'test/e2e/cli-rotate-secret.spec.ts',
    why: 'It needs two secrets, after a restart with each.',
  },
  {
    page: 'docs/upgrades.md',
    begins: 'pg_dump',
    by: 'test/e2e/restore.spec.ts',
    why: 'It needs the pg_dump of the version of the server.',
  },
  {
    page: 'docs/upgrades.md',
    begins: 'otpost doctor',
    by: 'test/e2e/doctor.spec.ts',
    why: 'It judges the servers and the DNS of a deployment, and there is none here.',
  },
  {
    page: 'docs/webhooks.md',
    begins: 'KEY_HEX=',
    by: 'test/integration/mail/webhooks-docs.spec.ts',
    why: 'It needs a webhook that was received.',
  },
  {
    page: 'docs/webhooks.md',
    begins: 'SIGNATURE=',
    by: 'test/integration/mail/webhooks-docs.spec.ts',
    why: 'It needs a webhook that was received.',
  },
  {
    page: 'docs/webhooks.md',
    begins: 'curl -s "$URL"',
    by: 'test/integration/mail/webhooks-docs.spec.ts',
    why: 'It needs a webhook that was received.',
  },
];

const isElsewhere = ({ page, text }: DocumentedCommand): boolean =>
  ELSEWHERE.some((one) => one.page === page && text.startsWith(one.begins));

interface Ran {
  code: number;
  out: string;
  err: string;
}

describe('the commands of the README and of docs/', () => {
  let otpost: Otpost;
  let cli: OtpostCommand;
  let folder: string;
  /** The shell of a reader: what was set in it, from page to page. */
  const shell: Record<string, string> = {};
  /** What the pages have a sample of, and the reader read in the answers. */
  const read: { id?: string; code?: string; token?: string } = {};

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-docs-'));
    otpost = await startOtpost({ METRICS_TOKEN, SMTP_LISTEN: '127.0.0.1:0' });
    for (const name of ['package.json', 'dist', 'node_modules', 'tools', 'templates', 'hooks-in', 'prisma'])
      await symlink(join(ROOT, name), join(folder, name));
    await mkdir(join(folder, 'bin'));
    cli = await OtpostCommand.at(join(folder, 'bin/otpost'));
    await writeFile(join(folder, 'password-file'), 'correct horse battery staple\n');
  });
  afterAll(async () => {
    cli.stop();
    await otpost.stop();
    await rm(folder, { recursive: true });
  });

  /** As it stands, but for the address of the service, in a shell that keeps what was set. */
  function run(command: string): Promise<Ran> {
    const { host } = new URL(otpost.api.url);
    const smtp = `127.0.0.1:${portOf(otpost.process.smtp[0]!)}`;
    const typed = command.replaceAll('localhost:3000', host).replaceAll('localhost:2587', smtp);
    const script = `set -a\n${typed.replaceAll('https://otpost.example.com', otpost.api.url)}\nstatus=$?\nenv -0 >&3\nexit $status`;
    const env = {
      PATH: `${folder}/bin:${process.env['PATH']}`,
      HOME: process.env['HOME'],
      DATABASE_URL: otpost.database.url,
      APP_SECRET: TEST_SECRET,
      METRICS_TOKEN,
      ...shell,
    };
    return new Promise((resolve) => {
      // A Bash whose input is a socket, as that of a child of Node is, takes itself for a remote shell, and reads
      // ~/.bashrc.
      const bash = ['--norc', '-c', `exec 3>variables\n${script}`];
      const child = execFile('bash', bash, { cwd: folder, env }, (_, out, err) => {
        for (const pair of readFileSync(join(folder, 'variables'), 'utf8').split('\0')) {
          const [, name, value] = /^([A-Z][A-Z_]*)=([^]*)$/.exec(pair) ?? [];
          if (name !== undefined && !(name in env && !(name in shell)) && !['PWD', 'OLDPWD', 'SHLVL'].includes(name))
            shell[name] = value!;
        }
        resolve({ code: child.exitCode!, out, err });
      });
    });
  }

  /**
   * What a reader puts in the place of a sample. The README goes through npm; once is enough, for npm takes longer than
   * the command.
   */
  function filled({ page, text: typed }: DocumentedCommand): string {
    const text = page === 'README.md' ? typed : typed.replace('npm run -s otpost --', 'otpost');
    const samples: Record<string, string | undefined> = {
      ID: read.id,
      MAIL: read.id,
      DELIVERY: read.id,
      CODE: read.code,
      TOKEN: read.token,
    };
    const name = /^([A-Z]+)=[^$(]*$/.exec(text)?.[1];
    if (name !== undefined) return `${name}=${samples[name] ?? 'nothing-was-read'}`;
    return text.replaceAll('042137', read.code ?? '');
  }

  async function note(out: string): Promise<void> {
    if (!/^\{/.test(out)) return;
    const body = JSON.parse(out) as Partial<IssuedBody> & { id?: string; accessToken?: string; reference?: string };
    read.id = body.challenge?.id ?? body.id ?? read.id;
    read.token = body.accessToken ?? read.token;
    const reference = body.challenge?.reference ?? body.reference;
    if (reference === undefined) return;
    read.code = await eventually(async () => {
      const inbox = await otpost.api.get<{ items: { code: string | null; subject: string }[] }>(
        '/inbox/messages?to=ada@example.com',
      );
      return inbox.body.items.find(({ subject }) => subject.includes(reference))?.code ?? undefined;
    }, 'the code in the inbox');
  }

  /** What a page takes for granted. */
  const before: Record<string, () => Promise<void>> = {
    'docs/access.md': async () =>
      void (await otpost.database.query(
        `UPDATE accounts SET email = 'grace@example.com', email_canonical = 'grace@example.com'`,
      )),
    'docs/events.md': async () =>
      writeFile(join(folder, 'bounce.eml'), postfixDsn({ id: await sentMail(), recipient: 'ada@example.com' })),
  };

  async function sentMail(): Promise<string> {
    return eventually(
      async () =>
        (
          await otpost.database.query<{ id: string }>(
            `SELECT id FROM outbound_emails WHERE template IS NULL AND status = 'sent' AND to_canonical = 'ada@example.com' AND lane <> 'bulk'`,
          )
        )[0]?.id,
      'a mail to be sent',
    );
  }

  it.each(PAGES.map((page) => [page]))('do what %s says', async (page) => {
    await before[page]?.();
    for (const command of commandsOf(page).filter((one) => !isElsewhere(one))) {
      const { text, shown } = command;
      let ran = await run(filled(command));
      // What is asked may be asked again: mail is on its way.
      const asks = text.startsWith('curl') && !/ -d | -X |--data/.test(text);
      if (shown !== undefined && asks)
        ran = await eventually(
          async () => ((ran = await run(filled(command))), fits(shown, ran.out) && ran),
          `${text} to print ${shown}, and not ${ran.out}`,
        );
      expect([text, ran.code, ran.err]).toEqual([text, 0, expect.not.stringMatching(/error|not found|denied/i)]);
      if (shown !== undefined) expect([text, ran.out, fits(shown, ran.out)]).toEqual([text, ran.out, true]);
      if (text.startsWith('curl')) expect([text, ran.out]).toEqual([text, expect.not.stringContaining('"code":"')]); // a problem
      await note(ran.out);
    }
  });

  it('are run here, or by the test that is named, or cannot be', () => {
    const all = PAGES.flatMap(commandsOf);
    for (const one of ELSEWHERE) {
      expect([one, all.some((command) => command.page === one.page && command.text.startsWith(one.begins))]).toEqual([
        one,
        true,
      ]);
      expect([one, one.by === undefined || existsSync(ROOT + one.by), one.why.length > 20]).toEqual([one, true, true]);
    }
    expect(PAGES.flatMap(unmarkedCommandsOf)).toEqual([]);
  });
});
