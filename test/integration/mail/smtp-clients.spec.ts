import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Attachment, type ParsedMail, simpleParser } from 'mailparser';
import nodemailer from 'nodemailer';
import { SmtpWayIn } from '../../support/smtp/smtp-way-in.js';
import { HAS_POSTFIX, Postfix } from '../../support/smtp/postfix.js';
import { eventually } from '../../support/signals/wait.js';

const run = promisify(execFile);
const CLIENTS = new URL('../../../test/support/smtp/clients/', import.meta.url).pathname;

const DJANGO = '/usr/lib/python3/dist-packages/django/__init__.py';
const ACTION_MAILER = '/usr/share/doc/ruby-actionmailer';
const PHP_MAILER = '/usr/share/php/libphp-phpmailer/autoload.php';
/** Debian's packages of these clients; where one is missing its test is skipped, and named among the skipped. */
const itWith = (...needed: string[]) => (needed.every(existsSync) ? it : it.skip);

interface Told {
  id: string;
  status: string;
  from: string;
  subject: string;
  messageId: string;
  tags: string[];
  recipients: { address: string; kind: string; status: string }[];
}

describe('programs that send by SMTP, unchanged', () => {
  let way: SmtpWayIn;
  let folder: string;

  beforeAll(async () => {
    way = await SmtpWayIn.start();
    folder = await mkdtemp(join(tmpdir(), 'otpost-clients-'));
  });
  afterAll(async () => {
    await way.stop();
    await rm(folder, { recursive: true });
  });

  async function client(command: string, ...given: string[]): Promise<string> {
    const env = { PATH: process.env['PATH'], HOME: folder, HOST: '127.0.0.1', PORT: String(way.port), KEY: way.key };
    const { stdout } = await run(command, given, { env });
    return stdout;
  }

  /** What the far mail server got for an address, and what the API tells of that message. */
  async function outcome(address: string): Promise<{ mail: ParsedMail; to: string[]; source: string; told: Told }> {
    const { to, bytes } = await way.at(address);
    const mail = await simpleParser(bytes);
    const told = await eventually(async () => {
      const [row] = await way.otpost.database.query<{ id: string }>(
        'SELECT id FROM outbound_emails WHERE message_id = $1 AND split_from IS NULL',
        [mail.messageId],
      );
      const found = (await way.told(row!.id)) as unknown as Told;
      return found.status === 'sent' && found;
    }, `the message to ${address} to be sent`);
    return { mail, to, source: bytes.toString(), told };
  }

  const fileOf = ({ attachments }: ParsedMail): [string | undefined, string] => {
    const [{ filename, content }] = attachments as [Attachment];
    return [filename, content.toString('latin1')];
  };

  itWith(DJANGO)('Django: send_mail', async () => {
    await client('/usr/bin/python3', `${CLIENTS}django_site.py`, 'send_mail');
    const { mail, to, told } = await outcome('django-one@example.com');
    expect([to, mail.subject, mail.text]).toEqual([['django-one@example.com'], 'Für Ada', 'Grüße.\n.\n..dots\n']);
    expect(told).toMatchObject({ status: 'sent', from: '"Shop" <shop@example.com>', subject: 'Für Ada' });
  });

  itWith(DJANGO)('Django: two forms, a file, cc and bcc', async () => {
    await client('/usr/bin/python3', `${CLIENTS}django_site.py`, 'alternatives');
    const { mail, to, source, told } = await outcome('django-bcc@example.com');
    expect(to).toEqual(['django-to@example.com', 'django-cc@example.com', 'django-bcc@example.com']);
    expect([mail.text, mail.html, mail.replyTo!.text]).toEqual([
      'It is attached.',
      '<p>It is <b>attached</b>.</p>',
      'desk@example.com',
    ]);
    expect(fileOf(mail)).toEqual(['invoice.pdf', '%PDF-1.4\r\n\x00\xff']);
    expect(source).not.toMatch(/django-bcc|X-Otpost/i);
    expect(told.tags).toEqual(['invoice']);
    expect(told.recipients.map(({ address, kind, status }) => [address, kind, status])).toEqual([
      ['django-to@example.com', 'to', 'sent'],
      ['django-cc@example.com', 'cc', 'sent'],
      ['django-bcc@example.com', 'bcc', 'sent'],
    ]);
  });

  itWith(DJANGO)('Django: send_mass_mail over one connection', async () => {
    const sent = await client('/usr/bin/python3', `${CLIENTS}django_site.py`, 'mass');
    expect(sent.trim()).toBe('20');
    for (let n = 0; n < 20; n++) {
      const { mail } = await outcome(`django-mass${n}@example.com`);
      expect(mail.subject).toBe(`Number ${n}`);
    }
  });

  /** Whom the far mail server got mail for that begins so; by number, once that many are there. */
  async function numbered(beginning: string, count: number): Promise<number[]> {
    return eventually(() => {
      const numbers = way.arrived
        .flatMap(({ to }) => to)
        .filter((address) => address.startsWith(beginning))
        .map((address) => Number.parseInt(address.slice(beginning.length), 10));
      return numbers.length >= count && numbers.sort((left, right) => left - right);
    }, `mail to ${count} of ${beginning}`);
  }
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

  itWith(DJANGO)('Django: more recipients than one envelope has, and none of them twice', async () => {
    const django = (count: number) => client('/usr/bin/python3', `${CLIENTS}django_site.py`, 'many', `${count}`);
    expect((await django(130)).trim()).toBe('1');
    expect(await numbered('django-many', 130)).toEqual(upTo(130));
    const before = way.arrived.length;
    await expect(django(1_001)).rejects.toThrow(/At most 1000 recipients for one message; nothing was accepted/);
    expect(await way.acceptedFor('django-many999@example.com')).toEqual([]);
    expect(way.arrived).toHaveLength(before);
  });

  itWith(PHP_MAILER, '/usr/bin/php')('PHPMailer: the same', async () => {
    await client('/usr/bin/php', `${CLIENTS}php_mailer.php`, '60');
    expect(await numbered('php-many', 60)).toEqual(upTo(60));
  });

  itWith('/usr/bin/swaks')('swaks: the same', async () => {
    const to = upTo(60).map((n) => `swaks-many${n}@example.com`);
    await client(
      ...(['/usr/bin/swaks', '--server', `127.0.0.1:${way.port}`, '--from', 'shop@example.com'] as const),
      ...['--to', to.join(), '--auth', 'PLAIN', '--auth-user', 'shop', '--auth-password', way.key],
    );
    expect(await numbered('swaks-many', 60)).toEqual(upTo(60));
  });

  itWith(ACTION_MAILER)('Rails: ActionMailer with two forms, a file and bcc', async () => {
    await client('/usr/bin/ruby', `${CLIENTS}action_mailer.rb`);
    const { mail, to, source, told } = await outcome('rails-bcc@example.com');
    expect(to).toEqual(['rails-to@example.com', 'rails-bcc@example.com']);
    expect([mail.subject, mail.text?.trim(), mail.html]).toEqual([
      'Grüße',
      'It is attached.',
      expect.stringContaining('<p>It is attached.</p>'),
    ]);
    expect(fileOf(mail)[0]).toBe('invoice.pdf');
    expect(source).not.toContain('rails-bcc');
    expect(told.status).toBe('sent');
  });

  itWith(PHP_MAILER, '/usr/bin/php')('PHPMailer, which reads the id out of the reply', async () => {
    const [messageId] = (await client('/usr/bin/php', `${CLIENTS}php_mailer.php`)).trim().split('\n');
    const { mail, to, source, told } = await outcome('php-bcc@example.com');
    expect(to).toEqual(['php-to@example.com', 'php-bcc@example.com']);
    expect([mail.subject, mail.text?.trim(), mail.messageId]).toEqual(['Grüße', 'It is attached.', messageId]);
    expect(fileOf(mail)).toEqual(['invoice.pdf', '%PDF-1.4\n']);
    expect(source).not.toContain('php-bcc');
    expect(told.messageId).toBe(messageId);
  });

  itWith('/usr/bin/swaks')('swaks, which shows the reply with the id', async () => {
    const talk = await client(
      ...(['/usr/bin/swaks', '--server', `127.0.0.1:${way.port}`, '--from', 'shop@example.com'] as const),
      ...['--to', 'swaks1@example.com,swaks2@example.com', '--auth', 'PLAIN', '--auth-user', 'shop'],
      ...['--auth-password', way.key, '--h-Subject', 'By swaks', '--body', '.\n..\nend'],
    );
    const { mail, to, told } = await outcome('swaks2@example.com');
    expect(to).toEqual(['swaks1@example.com', 'swaks2@example.com']);
    expect([mail.subject, mail.text?.trim()]).toEqual(['By swaks', '.\n..\nend']);
    expect(talk).toContain(`250 2.0.0 Ok: queued as ${told.id}`);
  });

  itWith('/usr/bin/msmtp')('msmtp, in place of sendmail', async () => {
    const rc = join(folder, 'msmtprc');
    const row = (await readFile('docs/drop-in.md', 'utf8')).split('\n').find((line) => line.startsWith('| msmtp'))!;
    const here = {
      ...{
        'host otpost': 'host 127.0.0.1',
        'port 587': `port ${way.port}`,
        'from no-reply@localhost': 'from shop@example.com',
      },
      ...{ 'password KEY': `password ${way.key}`, 'tls on': 'tls off' },
    };
    const lines = [...row.matchAll(/`([^`]+)`/g)].map(([, line]) => here[line as keyof typeof here] ?? line);
    expect(lines).toEqual(expect.arrayContaining(Object.values(here)));
    await writeFile(rc, `${lines.join('\n')}\n`, { mode: 0o600 });
    const message = 'From: Shop <shop@example.com>\nTo: msmtp@example.com\nSubject: Nightly\n\nAll well.\n';
    const child = execFile('/usr/bin/msmtp', ['-C', rc, '-t'], { env: { HOME: folder } });
    child.stdin!.end(message);
    await new Promise<void>((resolve, reject) =>
      child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`msmtp ended with ${code}`)))),
    );
    const { mail } = await outcome('msmtp@example.com');
    expect([mail.subject, mail.text?.trim()]).toEqual(['Nightly', 'All well.']);
  });

  it("Python's smtplib, several messages over one connection", async () => {
    const refused = await client('python3', `${CLIENTS}smtplib_script.py`);
    expect(refused.trim().split('\n')).toEqual(['{}', '{}', '{}']); // of each message: nobody
    for (let n = 0; n < 3; n++) {
      const { mail, to } = await outcome(`smtplib${n}@example.com`);
      expect(to).toEqual([`smtplib${n}@example.com`, 'smtplib-bcc@example.com']);
      expect([mail.subject, mail.text?.trim(), fileOf(mail)[0]]).toEqual([`Number ${n}`, 'Grüße.', 'list.csv']);
    }
  });

  it('nodemailer from a pool, whose answer names the id', async () => {
    const auth = { user: 'shop', pass: way.key };
    const transport = nodemailer.createTransport({
      host: '127.0.0.1',
      port: way.port,
      pool: true,
      auth,
      ignoreTLS: true,
    });
    const from = 'Shop <shop@example.com>';
    const sent = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        transport.sendMail({
          from,
          to: `node${n}@example.com`,
          bcc: 'node-bcc@example.com',
          subject: `${n}`,
          html: '<p>x</p>',
        }),
      ),
    );
    transport.close();
    for (const [n, { response }] of sent.entries()) {
      const { told, mail } = await outcome(`node${n}@example.com`);
      expect([response, mail.subject]).toEqual([`250 2.0.0 Ok: queued as ${told.id}`, `${n}`]);
    }
  });

  (HAS_POSTFIX ? it : it.skip)('Postfix, with this as its smarthost', async () => {
    const postfix = await Postfix.start({ port: way.port, key: way.key });
    try {
      const message = 'From: Shop <shop@example.com>\nTo: postfix1@example.com\nSubject: Cron\n\nAll well.\n';
      await postfix.take(message, 'shop@example.com', ['postfix1@example.com', 'postfix2@example.com']);
      const { mail, to, told } = await outcome('postfix2@example.com');
      expect([mail.subject, to]).toEqual(['Cron', ['postfix1@example.com', 'postfix2@example.com']]);
      await eventually(async () => (await postfix.log()).includes(`queued as ${told.id}`), 'Postfix to note the id');

      // What is not allowed comes back at once, and says what to do.
      await postfix.take(message, 'stranger@elsewhere.example', ['postfix3@example.com']);
      const refusal = await eventually(
        async () => /to=<postfix3@example.com>.*status=bounced \((.*)\)/.exec(await postfix.log())?.[1],
        'Postfix to hear the refusal',
      );
      expect(refusal).toMatch(/550 5\.7\.1 .*MAIL_SENDERS/);
      expect(await way.acceptedFor('postfix3@example.com')).toEqual([]);
    } finally {
      await postfix.stop();
    }
  });
});
