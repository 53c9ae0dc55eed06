import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SMTP_BOUNDS } from '../../../src/mail/smtp-submission/bounds-policy.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { type Certificate, makeCertificate } from '../../support/smtp/certificate.js';
import { composedMail } from '../../support/smtp/composed-mail.js';
import { SmtpDialogue } from '../../support/smtp/smtp-dialogue.js';
import { portOf, SmtpWayIn } from '../../support/smtp/smtp-way-in.js';

putBackAfterwards(SMTP_BOUNDS);

const FROM = 'shop@example.com';

describe('SMTP submission with a certificate', () => {
  let folder: string;
  let certificates: [Certificate, Certificate];
  let files: { SMTP_TLS_CERT: string; SMTP_TLS_KEY: string };
  let way: SmtpWayIn;
  const open: SmtpDialogue[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-smtp-tls-'));
    certificates = [await makeCertificate(), await makeCertificate({ names: ['DNS:renewed.example.com'] })];
    files = { SMTP_TLS_CERT: join(folder, 'tls.crt'), SMTP_TLS_KEY: join(folder, 'tls.key') };
    await put(certificates[0]);
    way = await SmtpWayIn.start({
      ...files,
      SMTP_LISTEN: '127.0.0.1:0,127.0.0.1:0?tls=implicit,127.0.0.1:0?tls=off',
    });
  });
  afterEach(() => {
    SMTP_BOUNDS.connectionsOfOne = 100;
    for (const dialogue of open.splice(0)) dialogue.hangUp();
  });
  afterAll(async () => {
    await way.stop();
    await Promise.all(certificates.map((one) => one.remove()));
    await rm(folder, { recursive: true });
  });

  async function put({ cert, key }: Pick<Certificate, 'cert' | 'key'>): Promise<void> {
    await writeFile(files.SMTP_TLS_CERT, cert);
    await writeFile(files.SMTP_TLS_KEY, key);
  }

  const ports = (): number[] => way.otpost.process.smtp.map(portOf);
  const connected = async (port: number, tls = false): Promise<SmtpDialogue> => {
    const dialogue = await SmtpDialogue.open(port, { tls });
    open.push(dialogue);
    await dialogue.reply();
    return dialogue;
  };
  /** By the names that the certificate is for. */
  const shown = async (n: 0 | 1): Promise<string | undefined> => {
    const dialogue = await connected(ports()[n]!, n === 1);
    if (n === 0) {
      await dialogue.say('EHLO client.example.com');
      await dialogue.startTls();
    }
    const { subjectaltname } = dialogue.certificate;
    dialogue.hangUp();
    return subjectaltname;
  };

  it('says where it listens, and how', () => {
    expect(way.otpost.process.smtp.map((place) => place.replace(/\d+ /, 'N '))).toEqual([
      '127.0.0.1:N (STARTTLS)',
      '127.0.0.1:N (TLS)',
      '127.0.0.1:N (plain)',
    ]);
  });

  it('takes no password before STARTTLS, and forgets all that was said before it', async () => {
    const dialogue = await connected(ports()[0]!);
    const offered = await dialogue.say('EHLO client.example.com');
    expect(offered).toMatch(/^250[- ]STARTTLS$/m);
    expect(offered).not.toMatch(/AUTH/);
    expect(await dialogue.logIn(way.key)).toMatch(/^538 5\.7\.11 /);
    expect(await dialogue.say(`MAIL FROM:<${FROM}>`)).toMatch(/^530 5\.7\.0 .*STARTTLS/);
    await dialogue.startTls();
    expect(await dialogue.logIn(way.key)).toMatch(/^503 /); // EHLO again
    const then = await dialogue.say('EHLO client.example.com');
    expect(then).toMatch(/^250[- ]AUTH PLAIN LOGIN$/m);
    expect(then).not.toMatch(/STARTTLS/);
    expect(await dialogue.say('STARTTLS')).toMatch(/^503 /);
    expect(await dialogue.logIn(way.key)).toMatch(/^235 /);
    const to = 'starttls@example.com';
    expect(await dialogue.send(FROM, to, composedMail({ To: to }))).toMatch(/^250 /);
    expect((await way.at(to)).bytes.toString()).toMatch(/\(Otpost\) with ESMTPSA id /);
  });

  it('runs nothing that was written behind STARTTLS in plain text', async () => {
    const dialogue = await connected(ports()[0]!);
    await dialogue.say('EHLO client.example.com');
    await dialogue.startTls(`EHLO injected.example.com\r\nNOOP\r\n`);
    expect(await dialogue.say('RSET')).toBe('250 2.0.0 Flushed');
    dialogue.write('QUIT\r\n');
    expect(await dialogue.rest()).toEqual(['221 2.0.0 Bye']);
  });

  it('speaks TLS from the first byte where it is to, and plain text where it may', async () => {
    for (const [n, protocol] of [
      [1, 'ESMTPSA'],
      [2, 'ESMTPA'],
    ] as const) {
      const dialogue = await connected(ports()[n]!, n === 1);
      expect(await dialogue.say('EHLO client.example.com')).not.toMatch(/STARTTLS/);
      expect(await dialogue.logIn(way.key)).toMatch(/^235 /);
      const to = `way${n}@example.com`;
      expect(await dialogue.send(FROM, to, composedMail({ To: to }))).toMatch(/^250 /);
      expect((await way.at(to)).bytes.toString()).toContain(` with ${protocol} id `);
    }
  });

  it('gives back the place of each connection, TLS or not', async () => {
    SMTP_BOUNDS.connectionsOfOne = 1;
    for (const n of [0, 1, 0, 2, 0, 1] as const) {
      const dialogue = await eventually(
        async () => {
          const tried = await SmtpDialogue.open(ports()[n]!, { tls: n === 1 });
          return (await tried.reply()).startsWith('220 ') && tried;
        },
        `a free place at ${n}`,
        10_000,
      );
      if (n === 0) {
        await dialogue.say('EHLO client.example.com');
        await dialogue.startTls();
      }
      dialogue.hangUp();
    }
  });

  it('goes on with another certificate when its files change, and with the last good one when they are broken', async () => {
    const old = await connected(ports()[1]!, true);
    expect(await Promise.all([shown(0), shown(1)])).toEqual(Array(2).fill('IP Address:127.0.0.1, DNS:localhost'));
    await put(certificates[1]);
    for (const n of [0, 1] as const)
      await eventually(async () => (await shown(n)) === 'DNS:renewed.example.com', 'the new certificate');
    expect(await old.say('NOOP')).toMatch(/^250 /);
    const errors: unknown[] = [];
    const { log } = way.otpost.process;
    log.error = (...all: unknown[]) => void errors.push(all);
    await put({ cert: certificates[0].cert, key: 'nonsense' });
    await eventually(() => errors.length > 0, 'the broken certificate to be told');
    expect(await shown(1)).toBe('DNS:renewed.example.com');
    Reflect.deleteProperty(log, 'error');
    await put(certificates[0]);
    await eventually(async () => (await shown(0)) === 'IP Address:127.0.0.1, DNS:localhost', 'the certificate');
  });

  it('does not start with files that are no pair, or with none', async () => {
    const other = join(folder, 'other.key');
    await writeFile(other, certificates[1].key);
    const copy = join(folder, 'copy.crt');
    await copyFile(certificates[0].file, copy);
    const start = (env: Record<string, string>): Promise<unknown> =>
      startOtpost({ SMTP_LISTEN: '127.0.0.1:0', ...env });
    await expect(start({ SMTP_TLS_CERT: copy, SMTP_TLS_KEY: other })).rejects.toThrow(/cannot be used/);
    await expect(start({ SMTP_TLS_CERT: join(folder, 'none'), SMTP_TLS_KEY: other })).rejects.toThrow(/\(ENOENT\)/);
  });

  it('is spoken by openssl, with nothing older than TLS 1.2', async () => {
    const run = promisify(execFile);
    const say = (...flags: string[]): Promise<{ stdout: string }> => {
      const running = run('openssl', [
        's_client',
        '-connect',
        `127.0.0.1:${ports()[0]!}`,
        '-starttls',
        'smtp',
        ...flags,
      ]);
      running.child.stdin!.end('QUIT\n');
      return running;
    };
    expect((await say()).stdout).toMatch(/TLSv1\.[23]/);
    await expect(say('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0')).rejects.toThrow();
  });
});
