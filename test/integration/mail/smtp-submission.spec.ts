import { randomUUID } from 'node:crypto';
import { KeyChanges } from '../../../src/access/api-keys.js';
import { OPERATOR } from '../../../src/audit/audit.js';
import { createApiKey } from '../../support/service/api-key.js';
import { eventually } from '../../support/signals/wait.js';
import { composedMail as mail } from '../../support/smtp/composed-mail.js';
import { SmtpDialogue } from '../../support/smtp/smtp-dialogue.js';
import { idIn, SmtpWayIn } from '../../support/smtp/smtp-way-in.js';

const FROM = 'shop@example.com';

describe('SMTP submission', () => {
  let way: SmtpWayIn;
  let number = 0;
  const open: SmtpDialogue[] = [];

  beforeAll(async () => {
    way = await SmtpWayIn.start();
  });
  afterEach(() => {
    for (const dialogue of open.splice(0)) dialogue.hangUp();
  });
  afterAll(() => way.stop());

  const kept = (dialogue: SmtpDialogue): SmtpDialogue => {
    open.push(dialogue);
    return dialogue;
  };
  const connected = async (): Promise<SmtpDialogue> => {
    const dialogue = kept(await SmtpDialogue.open(way.port));
    await dialogue.reply();
    return dialogue;
  };
  const loggedIn = async (key = way.key): Promise<SmtpDialogue> => kept(await SmtpDialogue.loggedIn(way.port, key));
  const somebody = (): string => `ada${++number}@example.com`;

  describe('as a conversation', () => {
    it('greets with its name, and says in EHLO what it can', async () => {
      const dialogue = kept(await SmtpDialogue.open(way.port));
      expect(await dialogue.reply()).toMatch(/^220 [\w.-]+ ESMTP Otpost$/);
      const [name, ...can] = (await dialogue.say('EHLO client.example.com')).split('\r\n');
      expect(name).toMatch(/^250-[\w.-]+$/);
      expect(can.map((line) => line.slice(4))).toEqual([
        'PIPELINING',
        '8BITMIME',
        'SMTPUTF8',
        'ENHANCEDSTATUSCODES',
        'AUTH PLAIN LOGIN',
        'SIZE 26210304',
      ]);
    });

    it('takes HELO from those who know no EHLO, and nothing before either', async () => {
      const dialogue = await connected();
      expect(await dialogue.say(`MAIL FROM:<${FROM}>`)).toMatch(/^503 5\.5\.1 /);
      expect(await dialogue.logIn(way.key)).toMatch(/^503 5\.5\.1 /);
      expect(await dialogue.say('HELO client.example.com')).toMatch(/^250 [\w.-]+$/);
      expect(await dialogue.logIn(way.key)).toMatch(/^235 2\.7\.0 /);
      const to = somebody();
      expect(await dialogue.send(FROM, to, mail({ To: to }))).toMatch(/^250 2\.0\.0 Ok: queued as [\da-f-]{36}$/);
      const { bytes } = await way.at(to);
      expect(bytes.toString()).toMatch(
        /^Received: from client\.example\.com\r\n by mail\.example\.com \(Otpost\) with SMTPA id /m,
      );
    });

    it('answers NOOP, VRFY, EXPN, HELP, RSET and QUIT as RFC 5321 has it', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      for (const [command, reply] of [
        ['NOOP', /^250 2\.0\.0 /],
        [`VRFY ${to}`, /^252 2\.1\.5 /],
        ['EXPN list', /^502 5\.5\.1 /],
        ['HELP', /^214 2\.0\.0 /],
        ['TURN', /^500 5\.5\.2 /],
        ['WIZ', /^500 5\.5\.2 /],
        ['XCLIENT ADDR=10.0.0.1', /^500 5\.5\.2 /],
        [`MAIL FROM:<${FROM}>`, /^250 2\.1\.0 /],
        [`RCPT TO:<${to}>`, /^250 2\.1\.5 /],
        ['RSET', /^250 2\.0\.0 /],
        [`RCPT TO:<${to}>`, /^503 5\.5\.1 /],
        ['DATA', /^503 5\.5\.1 /],
        ['QUIT', /^221 2\.0\.0 /],
      ] as const)
        expect(await dialogue.say(command)).toMatch(reply);
      expect(await dialogue.rest()).toEqual([]);
    });

    it('ends where nothing but nonsense is said', async () => {
      const dialogue = await loggedIn();
      dialogue.write('NONSENSE\r\n'.repeat(30));
      const replies = await dialogue.rest();
      expect(replies.length).toBeLessThanOrEqual(10);
      expect(replies.at(-1)).toMatch(/^421 /);
    });

    it('ends where a command has no end', async () => {
      const dialogue = await loggedIn();
      dialogue.write(`NOOP ${'x'.repeat(10_000)}`);
      expect((await dialogue.rest()).at(-1)).toMatch(/^421 .*too long/);
    });

    it('refuses parameters that it would not keep', async () => {
      const dialogue = await loggedIn();
      expect(await dialogue.say(`MAIL FROM:<${FROM}> RET=HDRS`)).toMatch(/^555 5\.5\.4 /);
      expect(await dialogue.say(`MAIL FROM:<${FROM}> BODY=8BITMIME SMTPUTF8 SIZE=100 AUTH=<>`)).toMatch(/^250 /);
      expect(await dialogue.say(`RCPT TO:<${somebody()}> NOTIFY=NEVER`)).toMatch(/^555 5\.5\.4 /);
    });

    it('takes commands in one piece, and byte by byte', async () => {
      for (const cut of [(text: string) => [text], (text: string) => [...text]]) {
        const dialogue = await loggedIn();
        const to = [somebody(), somebody()];
        const commands = [
          ...[`MAIL FROM:<${FROM}>`, `RCPT TO:<${to[0]}>`, 'DATA', `${mail({ To: to[0]! })}\r\n.`],
          ...[`MAIL FROM:<${FROM}>`, `RCPT TO:<${to[1]}>`, 'DATA', `${mail({ To: to[1]! })}\r\n.`, 'QUIT'],
        ];
        for (const piece of cut(`${commands.join('\r\n')}\r\n`)) {
          dialogue.write(piece);
          await new Promise((resolve) => setImmediate(resolve));
        }
        const replies = await dialogue.rest();
        expect(replies.map((reply) => reply.slice(0, 3))).toEqual('250 250 354 250 250 250 354 250 221'.split(' '));
        for (const [n, one] of to.entries()) expect(await way.acceptedFor(one)).toEqual([idIn(replies[4 * n + 3]!)]);
      }
    });
  });

  describe('by its password', () => {
    it('takes PLAIN and LOGIN, in one line and in several, whatever the user name', async () => {
      const [user, password] = ['anybody', way.key].map((text) => Buffer.from(text).toString('base64'));
      const plain = Buffer.from(`\0\0${way.key}`).toString('base64');
      for (const lines of [
        [`AUTH PLAIN ${plain}`],
        ['AUTH PLAIN', plain],
        ['AUTH LOGIN', user!, password!],
        [`AUTH LOGIN ${user}`, password!],
        [`auth plain ${Buffer.from(`x\0y\0${way.key}`).toString('base64')}`],
      ]) {
        const dialogue = await connected();
        await dialogue.say('EHLO client.example.com');
        let reply = '';
        for (const line of lines) reply = await dialogue.say(line);
        expect(reply).toMatch(/^235 2\.7\.0 /);
      }
    });

    it('refuses what is no key, a revoked one, an expired one and one without the scope, each in its words', async () => {
      const keys = way.otpost.process.get(KeyChanges);
      const revoked = await createApiKey(way.otpost.database.url);
      await keys.revoke(revoked.slice(0, 14), OPERATOR);
      const { key: expired } = await keys.create(
        { name: 'old', scopes: ['emails:send'], expiresAt: new Date(0) },
        OPERATOR,
      );
      const reader = await createApiKey(way.otpost.database.url, ['emails:read']);
      for (const [key, words] of [
        ['password', /^535 5\.7\.8 The password is not an API key/],
        [`otp_live_${'x'.repeat(43)}`, /^535 5\.7\.8 The password is not an API key/],
        [revoked, /^535 5\.7\.8 The API key is not valid: it was revoked$/],
        [expired, /^535 5\.7\.8 The API key is not valid: it expired at 1970-01-01T00:00:00\.000Z$/],
        [reader, /^535 5\.7\.8 The API key lacks the scope emails:send/],
      ] as const) {
        const dialogue = await connected();
        await dialogue.say('EHLO client.example.com');
        expect(await dialogue.logIn(key)).toMatch(words);
        expect(await dialogue.say(`MAIL FROM:<${FROM}>`)).toMatch(/^530 5\.7\.0 /);
      }
    });

    it('hangs up after three wrong ones', async () => {
      const dialogue = await connected();
      await dialogue.say('EHLO client.example.com');
      expect(await dialogue.logIn('one')).toMatch(/^535 /);
      expect(await dialogue.logIn('two')).toMatch(/^535 /);
      expect(await dialogue.logIn('three')).toMatch(/^421 4\.7\.0 Too many wrong passwords/);
      expect(await dialogue.rest()).toEqual([]);
    });

    it('lets nobody go on with a key that was revoked since', async () => {
      const key = await createApiKey(way.otpost.database.url);
      const dialogue = await loggedIn(key);
      expect(await dialogue.say(`MAIL FROM:<${FROM}>`)).toMatch(/^250 /);
      await dialogue.say('RSET');
      await way.otpost.process.get(KeyChanges).revoke(key.slice(0, 14), OPERATOR);
      expect(await dialogue.say(`MAIL FROM:<${FROM}>`)).toMatch(
        /^550 5\.7\.1 The API key is not valid: it was revoked$/,
      );
    });

    it('is needed before anything is sent, and commands before it are few', async () => {
      const dialogue = await connected();
      await dialogue.say('EHLO client.example.com');
      expect(await dialogue.say(`MAIL FROM:<${FROM}>`)).toMatch(/^530 5\.7\.0 /);
      dialogue.write('NOOP\r\n'.repeat(40));
      const replies = await dialogue.rest();
      expect(replies.length).toBeLessThan(20);
      expect(replies.at(-1)).toMatch(/^421 /);
    });
  });

  describe('with its envelope', () => {
    it('sends to whom the envelope names, and shows whom the header shows', async () => {
      const dialogue = await loggedIn();
      const [to, cc, bcc] = [somebody(), somebody(), somebody()];
      const header = { To: `Ada <${to.toUpperCase()}>, nobody@example.com`, Cc: cc, Bcc: `${bcc}, eve@example.com` };
      const id = idIn(await dialogue.send('', [bcc, to, cc], mail(header)));
      expect(await way.told(id)).toMatchObject({
        recipients: [
          { kind: 'to', name: 'Ada', address: to },
          { kind: 'cc', name: '', address: cc },
          { kind: 'bcc', name: '', address: bcc },
        ],
        subject: 'Your order',
        from: '"Shop" <shop@example.com>',
      });
      const arrived = await way.at(bcc);
      expect([...arrived.to].sort()).toEqual([to, cc, bcc].sort());
      expect(arrived.bytes.toString()).not.toMatch(/bcc|eve@/i);
      expect(way.arrived.filter((one) => one.to.some((address) => /nobody@|eve@/.test(address)))).toEqual([]);
    });

    it('returns to the sender that the envelope names, if any', async () => {
      const dialogue = await loggedIn();
      for (const from of ['bounces@shop.example.com', '', FROM]) {
        const to = somebody();
        await dialogue.send(from, to, mail({ To: to }));
        expect((await way.at(to)).from).toBe(from);
      }
    });

    it('sends what shows none of its recipients', async () => {
      const dialogue = await loggedIn();
      const hidden = somebody();
      const id = idIn(await dialogue.send(FROM, hidden, mail({ To: 'undisclosed-recipients:;' })));
      expect(await way.told(id)).toMatchObject({ recipients: [{ kind: 'bcc', address: hidden }] });
      expect((await way.at(hidden)).bytes.toString()).toContain('\r\nTo: undisclosed-recipients:;\r\n');
    });

    const rowsOf = (messageId: string) =>
      way.otpost.database.query<{ id: string; content: string; message_id: string; addresses: string[] }>(
        `SELECT id, content_id AS content, message_id,
           ARRAY(SELECT one ->> 'address' FROM jsonb_array_elements(recipients) AS one) AS addresses
         FROM outbound_emails WHERE $1 IN (message_id, template) ORDER BY (regexp_match(to_address, '\\d+'))[1]::int`,
        [messageId],
      );

    it('has more recipients than a message: all are in at once, fifty in each, of one content', async () => {
      const dialogue = await loggedIn();
      const to = Array.from({ length: 120 }, somebody);
      const messageId = `<${randomUUID()}@shop.example.com>`;
      const message = mail({ To: to.join(',\r\n '), 'Message-ID': messageId });
      const id = idIn(await dialogue.send(FROM, to, message));
      const rows = await rowsOf(messageId);
      expect(rows.map((row) => [row.content, row.addresses.length])).toEqual([50, 50, 20].map((count) => [id, count]));
      expect(rows[0]!.id).toBe(id);
      expect(rows.flatMap(({ addresses }) => addresses)).toEqual(to);
      for (const one of to) expect((await way.at(one)).bytes.toString()).toContain(`\r\nMessage-ID: ${messageId}\r\n`);
      // Sent again it is the same message, for all of them.
      expect(idIn(await dialogue.send(FROM, to, message))).toBe(id);
      expect(await rowsOf(messageId)).toHaveLength(3);
    });

    it('has more recipients than a message where it is a template’s, too, and a Message-ID for each then', async () => {
      const dialogue = await loggedIn();
      const to = Array.from({ length: 51 }, somebody);
      const headers = {
        To: to.slice(0, 50).join(',\r\n '),
        'X-Otpost-Template': 'notice-account-deleted',
        'X-Otpost-Variables': '{"when":"now","ip":"::1"}',
      };
      idIn(await dialogue.send(FROM, to, mail(headers)));
      const [first, second, ...more] = await rowsOf('notice-account-deleted');
      expect([first!.addresses, second!.addresses, more]).toEqual([to.slice(0, 50), to.slice(50), []]);
      expect([second!.content, second!.message_id]).toEqual([first!.id, `<${second!.id}@example.com>`]);
      expect((await way.at(to[50]!)).bytes.toString()).toContain(to[49]);
    });

    it('has a thousand recipients at most: with one more it is for nobody, and the next one is taken', async () => {
      const dialogue = await loggedIn();
      const to = Array.from({ length: 1_001 }, somebody);
      await dialogue.say(`MAIL FROM:<${FROM}>`);
      dialogue.write(to.map((one) => `RCPT TO:<${one}>\r\n`).join(''));
      const replies: string[] = [];
      while (replies.length < to.length) replies.push(await dialogue.reply());
      expect(replies.slice(0, 1_000).every((reply) => reply.startsWith('250 '))).toBe(true);
      expect(replies[1_000]).toMatch(/^452 4\.5\.3 /);
      expect(await dialogue.say('DATA')).toMatch(/^554 5\.5\.3 .*nothing was accepted/);
      expect(await way.acceptedFor(to[0]!)).toEqual([]);
      expect(await dialogue.send(FROM, to.slice(0, 1_000), mail())).toMatch(/^250 /);
      expect(await way.acceptedFor(to[950]!)).toHaveLength(1);
    });

    it('has addresses that can be one', async () => {
      const dialogue = await loggedIn();
      expect(await dialogue.say('MAIL FROM:shop@example.com')).toMatch(/^501 5\.1\.7 /);
      expect(await dialogue.say(`MAIL FROM:<${FROM}>`)).toMatch(/^250 /);
      expect(await dialogue.say('RCPT TO:ada@example.com')).toMatch(/^501 5\.1\.3 /);
      for (const bad of ['ada@localhost', 'ådå@example.com', '"a b"@example.com', 'ada@[127.0.0.1]', 'postmaster'])
        expect([bad, await dialogue.say(`RCPT TO:<${bad}>`)]).toEqual([
          bad,
          expect.stringMatching(/^(501|553) 5\.1\.3 /),
        ]);
    });

    it('is from the sender of its envelope where it does not say whom it is from', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      const bare = `Subject: Hi\r\n\r\nGood day.`;
      expect(await dialogue.send('', to, bare)).toMatch(/^554 5\.6\.0 From: /);
      const id = idIn(await dialogue.send('x@shop.example.com', to, bare));
      expect(await way.told(id)).toMatchObject({ from: 'x@shop.example.com', subject: 'Hi' });
      expect((await way.at(to)).bytes.toString()).toMatch(/\r\nFrom: x@shop\.example\.com\r\n/);
    });

    it('tells nobody at RCPT which addresses are suppressed', async () => {
      const to = somebody();
      const admin = await createApiKey(way.otpost.database.url, ['admin']);
      const { status } = await way.otpost.api.post(
        '/v1/suppressions',
        { address: to, scope: 'all' },
        { authorization: `Bearer ${admin}` },
      );
      expect(status).toBe(201);
      const dialogue = await loggedIn();
      expect(await dialogue.send(FROM, to, mail({ To: to }))).toMatch(/^250 /);
    });

    it('is from where the deployment, and the key, may send', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      expect(await dialogue.say('MAIL FROM:<eve@example.org>')).toMatch(/^550 5\.7\.1 .*MAIL_SENDERS/);
      const reply = await dialogue.send(FROM, to, mail({ From: 'Eve <eve@example.org>', To: to }));
      expect(reply).toMatch(/^550 5\.7\.1 .*Send from shop@example\.com, or @shop\.example\.com;.*MAIL_SENDERS/);
      expect(await dialogue.send('x@shop.example.com', to, mail({ From: 'y@shop.example.com', To: to }))).toMatch(
        /^250 /,
      );
      const { key } = await way.otpost.process
        .get(KeyChanges)
        .create({ name: 'narrow', scopes: ['emails:send'], senders: ['billing@shop.example.com'] }, OPERATOR);
      const narrow = await loggedIn(key);
      expect(await narrow.say(`MAIL FROM:<${FROM}>`)).toMatch(/^550 5\.7\.1 .*keys create --sender/);
      expect(await narrow.send('', to, mail({ To: to }))).toMatch(/^550 5\.7\.1 .*this API key/);
      expect(await way.acceptedFor(to)).toHaveLength(1);
    });
  });

  describe('with its message', () => {
    it('lets dots stand as they were', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      await dialogue.send(FROM, to, mail({ To: to }, '..\r\n...\r\n..hidden\r\n. x\r\nend..'));
      expect((await way.at(to)).bytes.toString()).toMatch(/\r\n\r\n\.\r\n\.\.\r\n\.hidden\r\n\. x\r\nend\.\.\r\n$/);
    });

    it('keeps 8-bit bytes, and UTF-8 in its header', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      await dialogue.say(`MAIL FROM:<${FROM}> BODY=8BITMIME SMTPUTF8`);
      await dialogue.say(`RCPT TO:<${to}>`);
      await dialogue.say('DATA');
      const body = Buffer.from([0xc3, 0xa9, 0x20, 0xff, 0xfe, 0x00, 0x80]);
      dialogue.write(Buffer.concat([Buffer.from(mail({ To: to, Subject: 'Grüße' }, '')), body]));
      const id = idIn(await dialogue.say('\r\n.'));
      expect(await way.told(id)).toMatchObject({ subject: 'Grüße' });
      const { bytes } = await way.at(to);
      expect(bytes.includes(body)).toBe(true);
      expect(bytes.includes(Buffer.from('Subject: Grüße\r\n'))).toBe(true);
    });

    it('leaves as it came, so that what its sender signed still is', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      const signed = [
        'DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.com; s=a;',
        '\th=From:To:Subject:Date:Message-ID; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;',
        '  b=Zm9v',
        'from:  "Shop"   <shop@example.com>',
        `To: =?utf-8?q?Ad=C3=A1?= <${to}>`,
        'Subject: Your',
        ' order',
        'Date: Sun, 29 Nov 2026 13:00:00 +0100',
        `Message-ID: <${randomUUID()}@shop.example.com>`,
        'MIME-Version: 1.0',
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="=_b"',
        '',
        'This is a multipart message.   ',
        '--=_b',
        'Content-Type: text/calendar; method=REPLY; charset=utf-8',
        '',
        'BEGIN:VCALENDAR\t ',
        'END:VCALENDAR',
        '--=_b',
        'Content-Type: application/pkcs7-signature; name=smime.p7s',
        'Content-Transfer-Encoding: base64',
        '',
        'MIIC',
        '--=_b--',
        '',
        'x'.repeat(2_000),
        '',
        '',
      ].join('\r\n');
      idIn(await dialogue.send(FROM, to, signed));
      const arrived = (await way.at(to)).bytes.toString();
      const received = /^Received: [^\r]*\r\n(?:[ \t][^\r]*\r\n)*/.exec(arrived)![0];
      expect(arrived.slice(received.length)).toBe(`${signed}\r\n`);
    });

    it.each([
      ['two mailboxes in From', mail({ From: `${FROM}, eve@example.com` }), /^554 5\.6\.0 From: /],
      [
        'a header of ours that is not known',
        mail({ 'X-Otpost-Lanes': 'bulk' }),
        /^554 5\.6\.0 X-Otpost-Lanes: is not a header/,
      ],
      [
        'recipients in SendGrid’s header',
        mail({ 'X-SMTPAPI': '{"to":["a@example.com"]}' }),
        /^550 5\.6\.0 X-SMTPAPI: /,
      ],
      ['a line of its header that is none', mail({ 'X A': 'b' }), /^554 5\.6\.0 header: line 4 /],
      [
        'a header without end',
        mail({ 'X-Long': `a\r\n ${'x'.repeat(300 * 1024)}` }),
        /^554 5\.6\.0 header: must have at most 256 KiB/,
      ],
      [
        'itself round in circles',
        `${'Received: from a by b (Otpost) with ESMTP id 1; now\r\n'.repeat(5)}${mail()}`,
        /^554 5\.4\.6 Received: /,
      ],
      ['a tag too many', mail({ 'X-Tags': 'a,b,c,d,e,f,g,h,i,j,k' }), /^554 5\.6\.0 tags: must be at most 10$/],
      ['no such template', mail({ 'X-Otpost-Template': 'nonsense' }), /^554 5\.6\.0 template: /],
    ])('is refused with %s, and the next one is taken', async (_, message, words) => {
      const dialogue = await loggedIn();
      const to = somebody();
      expect(await dialogue.send(FROM, to, message)).toMatch(words);
      expect(await way.acceptedFor(to)).toEqual([]);
      expect(await dialogue.send(FROM, to, mail({ To: to }))).toMatch(/^250 /);
      expect(await way.acceptedFor(to)).toHaveLength(1);
    });

    it('carries what its header asks for into the record', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      const headers = {
        To: to,
        'X-PM-Tag': 'welcome',
        'X-Otpost-Metadata-Order': '7',
        'X-Otpost-Lane': 'bulk',
        'X-Otpost-Unsubscribe': 'off',
        'X-Otpost-Send-At': '2036-01-01T00:00:00Z',
      };
      expect(await dialogue.send(FROM, to, mail(headers))).toMatch(
        /^554 5\.6\.0 scheduledAt: must be at most one year ahead/,
      );
      const soon = new Date(Date.now() + 86_400_000).toISOString();
      const id = idIn(await dialogue.send(FROM, to, mail({ ...headers, 'X-Otpost-Send-At': soon })));
      expect(await way.told(id)).toMatchObject({
        lane: 'bulk',
        tags: ['welcome'],
        metadata: { Order: '7' },
        status: 'scheduled',
        scheduledAt: soon,
      });
      const { body } = await way.otpost.api.get<string>(`/v1/emails/${id}/source`, way.key);
      expect(body).toContain('\r\nSubject: Your order\r\n');
      expect(body).not.toMatch(/X-PM|X-Otpost/i);
    });

    it('may be a template’s, whose words stand in the template', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      const headers = { To: `Ada <${to}>`, 'X-Otpost-Template': 'notice-password-changed' };
      const variables = (value: object) => ({ 'X-Otpost-Variables': JSON.stringify(value) });
      const wrong = await dialogue.send(FROM, to, mail({ ...headers, ...variables({ nonsense: 'x' }) }));
      expect(wrong).toMatch(/^554 5\.6\.0 variables/);
      const id = idIn(
        await dialogue.send(
          FROM,
          to,
          mail({
            ...headers,
            'X-Otpost-Locale': 'de-AT',
            ...variables({ when: '21 November 2026', ip: '203.0.113.7' }),
          }),
        ),
      );
      expect(await way.told(id)).toMatchObject({
        template: 'notice-password-changed',
        recipients: [{ kind: 'to', name: 'Ada', address: to }],
      });
      const arrived = await eventually(() => way.arrived.find((one) => one.to.includes(to)), 'the mail');
      expect(arrived.bytes.toString()).not.toMatch(/Good day|X-Otpost/);
      expect(arrived.bytes.toString()).toMatch(/Passwort/);
    });
  });

  describe('sent again', () => {
    const again = (headers: Record<string, string> = {}) =>
      mail({ 'Message-ID': `<${number}@shop.example.com>`, ...headers }, `--${randomUUID()}`);

    it('is accepted once for one Message-ID and envelope, however often its client lost the answer', async () => {
      const to = somebody();
      const lost = await loggedIn();
      await lost.envelope(FROM, to);
      lost.write(`${again()}\r\n.\r\n`);
      await eventually(async () => (await way.acceptedFor(to)).length > 0, 'the message to be in');
      lost.hangUp();
      const dialogue = await loggedIn();
      const [id] = await way.acceptedFor(to);
      for (let times = 0; times < 3; times++) expect(idIn(await dialogue.send(FROM, to, again()))).toBe(id);
      expect(await way.acceptedFor(to)).toEqual([id]);
    });

    it('is another message for another envelope, or without a Message-ID', async () => {
      const dialogue = await loggedIn();
      const [to, other] = [somebody(), somebody()];
      const ids = [
        idIn(await dialogue.send(FROM, to, again())),
        idIn(await dialogue.send(FROM, [to, other], again())),
        idIn(await dialogue.send(FROM, to, mail())),
        idIn(await dialogue.send(FROM, to, mail())),
      ];
      expect(new Set(ids).size).toBe(4);
    });

    it('is refused aloud where the same Message-ID has another subject', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      await dialogue.send(FROM, to, again());
      expect(await dialogue.send(FROM, to, again({ Subject: 'Another' }))).toMatch(
        /^554 5\.6\.0 Another message was accepted with this Message-ID/,
      );
      expect(await way.acceptedFor(to)).toHaveLength(1);
    });

    it('goes by a key of its own where there is one', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      const key = { 'X-Otpost-Idempotency-Key': randomUUID() };
      const id = idIn(await dialogue.send(FROM, to, mail({ ...key, 'Message-ID': '<a@example.com>' })));
      expect(idIn(await dialogue.send(FROM, to, mail({ ...key, 'Message-ID': '<b@example.com>' })))).toBe(id);
    });
  });

  it('counts what came of messages, and logs ids and codes alone', async () => {
    const dialogue = await loggedIn();
    const to = somebody();
    const value = async (result: string): Promise<number> => {
      const text = await (await fetch(`${way.url}/metrics`)).text();
      return Number(
        new RegExp(`^otpost_smtp_submissions_total\\{result="${result}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0,
      );
    };
    const before = [await value('accepted'), await value('refused')];
    await dialogue.send(FROM, to, mail({ To: to }));
    await dialogue.send(FROM, to, mail({ From: 'nobody' }));
    expect([await value('accepted'), await value('refused')]).toEqual(before.map((count) => count + 1));
  });
});
