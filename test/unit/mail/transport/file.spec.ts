import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import { FileTransport } from '../../../../src/mail/routing/capture.js';
import { OfferRefused } from '../../../../src/mail/transport/transport.js';
import { MailBuilder } from '../../../../src/mail/transport/wire-form.js';
import { ID, message } from './message.js';

const clock = { now: () => new Date('2026-11-21T08:00:00.123Z') };
const NAME = `20261121T080000.123Z-${ID}.eml`;

describe('file:', () => {
  let folder: string;

  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'otpost-file-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const transportTo = (path: string) => new FileTransport(`file:${path}`, path, new MailBuilder(undefined), clock);

  it('writes the message as it would go by SMTP, for its owner to read, into a folder that it makes', async () => {
    const deep = join(folder, 'a', 'b');
    expect(await transportTo(deep).send(message(), async () => undefined)).toEqual({
      kind: 'sent',
      reply: `250 written to ${NAME}`,
      providerMessageId: NAME,
    });
    expect(await readdir(deep)).toEqual([NAME]);
    expect((await stat(join(deep, NAME))).mode & 0o777).toBe(0o600);
    const mail = await simpleParser(await readFile(join(deep, NAME)));
    expect([mail.messageId, mail.text?.trim(), mail.headers.get('auto-submitted')]).toEqual([
      `<${ID}@example.com>`,
      'Hello ✓',
      'auto-generated',
    ]);
  });

  it('shows nothing of it before the offer, and has it whole on disk by then', async () => {
    await transportTo(folder).send(message(), async () => {
      expect((await readdir(folder)).filter((name) => name.endsWith('.eml'))).toEqual([]);
      const [draft] = await readdir(folder);
      expect((await simpleParser(await readFile(join(folder, draft!)))).text?.trim()).toBe('Hello ✓');
    });
    expect(await readdir(folder)).toEqual([NAME]);
  });

  it('leaves nothing behind when the offer is refused', async () => {
    expect(await transportTo(folder).send(message(), () => Promise.reject(new OfferRefused('expired')))).toEqual({
      kind: 'withdrawn',
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('keeps the mail waiting when it cannot write, and says why', async () => {
    const path = join(folder, 'a-file');
    await writeFile(path, '');
    let offers = 0;
    const outcome = await transportTo(path).send(message(), async () => void offers++);
    expect(outcome).toMatchObject({
      kind: 'deferred',
      uncounted: true,
      alert: true,
      errorCode: 'file_eexist',
      transport: { kind: 'backoff', here: true },
    });
    expect(offers).toBe(0);
  });
});
