import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { createTransport } from 'nodemailer';
import { note } from '../../support/text/test-logs.js';
import { idIn, SmtpWayIn } from '../../support/smtp/smtp-way-in.js';

const FROM = 'shop@example.com';

/** Python's own client, as a Django or a script uses it: Bcc stands in the envelope alone. */
const SMTPLIB = `
import os, smtplib, sys
from email.message import EmailMessage
port, key, prefix = int(sys.argv[1]), os.environ['KEY'], sys.argv[2]
with smtplib.SMTP('127.0.0.1', port) as client:
    client.login('apikey', key)
    for n in (1, 2):
        message = EmailMessage()
        message['From'] = 'Shop <${FROM}>'
        message['To'] = f'Ada Lovelace <{prefix}-to{n}@example.com>'
        message['Subject'] = f'Grüße {n}'
        message['Message-ID'] = f'<{prefix}-{n}@shop.example.com>'
        message.set_content('.hidden\\nGood day.\\n.\\n')
        message.add_attachment(bytes(range(256)), maintype='application', subtype='octet-stream', filename='a.bin')
        print(client.send_message(message, to_addrs=[f'{prefix}-to{n}@example.com', f'{prefix}-bcc{n}@example.com']))
    try:
        client.sendmail('eve@example.org', [f'{prefix}@example.com'], b'From: eve@example.org\\r\\n\\r\\nx')
    except smtplib.SMTPSenderRefused as refusal:
        print(refusal.smtp_code, refusal.smtp_error.decode())
`;

describe('a client that nobody changed', () => {
  let way: SmtpWayIn;

  beforeAll(async () => {
    way = await SmtpWayIn.start();
  });
  afterAll(() => way.stop());

  it('smtplib sends several on one connection, with a blind copy and an attachment', async () => {
    note('token', way.key);
    const run = promisify(execFile);
    const { stdout } = await run('python3', ['-c', SMTPLIB, String(way.port), 'py'], {
      env: { ...process.env, KEY: way.key },
    });
    expect(stdout.trim().split('\n')).toEqual(['{}', '{}', expect.stringMatching(/^550 5\.7\.1 /)]);
    for (const n of [1, 2]) {
      const { to, bytes } = await way.at(`py-bcc${n}@example.com`);
      expect([...to].sort()).toEqual([`py-bcc${n}@example.com`, `py-to${n}@example.com`]);
      expect(bytes.toString()).toMatch(/\r\n\r\n\.hidden\r\nGood day\.\r\n\.\r\n/);
      expect(bytes.toString()).not.toContain('py-bcc');
      expect(bytes.toString()).toContain(
        Buffer.from(Uint8Array.from({ length: 57 }, (_, at) => at)).toString('base64'),
      );
      const [id] = await way.acceptedFor(`py-to${n}@example.com`);
      expect(await way.told(id!)).toMatchObject({
        subject: `Grüße ${n}`,
        recipients: [
          { kind: 'to', name: 'Ada Lovelace' },
          { kind: 'bcc', name: '' },
        ],
      });
    }
  });

  it('nodemailer finds the id in the answer, and is told what is wrong', async () => {
    const transport = createTransport({
      host: '127.0.0.1',
      port: way.port,
      auth: { user: 'x', pass: way.key },
      pool: true,
    });
    const message = {
      from: `"Shop, Inc." <${FROM}>`,
      to: '"Lovelace, Ada" <node-to@example.com>',
      subject: 'Été',
      text: 'a',
      html: '<p>a</p>',
    };
    const sent = await transport.sendMail({
      ...message,
      bcc: 'node-bcc@example.com',
      headers: { 'X-Otpost-Tag': 'café' },
    });
    expect(await way.told(idIn(sent.response))).toMatchObject({
      from: '"Shop, Inc." <shop@example.com>',
      subject: 'Été',
      tags: ['café'],
      recipients: [
        { kind: 'to', name: 'Lovelace, Ada', address: 'node-to@example.com' },
        { kind: 'bcc', address: 'node-bcc@example.com' },
      ],
    });
    expect((await way.at('node-bcc@example.com')).bytes.toString()).toContain(`Message-ID: ${sent.messageId}\r\n`);
    await expect(transport.sendMail({ ...message, from: 'eve@example.org' })).rejects.toMatchObject({
      responseCode: 550,
    });
    const wrong = createTransport({ host: '127.0.0.1', port: way.port, auth: { user: 'x', pass: 'wrong' } });
    await expect(wrong.verify()).rejects.toMatchObject({ code: 'EAUTH', responseCode: 535 });
    transport.close();
  });

  const hasSwaks = has('swaks');
  (hasSwaks ? it : it.skip)(`swaks sends${hasSwaks ? '' : ' (skipped: swaks is not installed)'}`, async () => {
    const { stdout } = await promisify(execFile)('swaks', [
      ...['--server', `127.0.0.1:${way.port}`, '--auth', 'LOGIN', '--auth-user', 'x', '--auth-password', way.key],
      ...['--from', FROM, '--to', 'swaks@example.com', '--h-From', FROM],
    ]);
    expect(await way.told(idIn(stdout))).toMatchObject({ to: 'swaks@example.com' });
  });
});

function has(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`]);
    return true;
  } catch {
    return false; // there is none
  }
}
