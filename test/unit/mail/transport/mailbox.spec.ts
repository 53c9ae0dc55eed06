import { domainToASCII } from 'node:url';
import fc from 'fast-check';
import addressparser from 'nodemailer/lib/addressparser';
import { mailboxOf, messageIdFor } from '../../../../src/mail/transport/mailbox.js';

/** As nodemailer reads it, with its domain in ASCII. */
function parsed(text: string): { name: string; address: string } {
  const [{ name = '', address = '' } = {}] = addressparser(text, { flatten: true });
  const at = address.lastIndexOf('@') + 1;
  return { name, address: address.slice(0, at) + (domainToASCII(address.slice(at)) || address.slice(at)) };
}

describe('a mailbox', () => {
  it('that is an address and nothing else is read as any other', () => {
    const bare = fc.stringMatching(/^[\w.!#$%&'*+/=?^`{|}~-]{1,10}@[\w.-]{1,20}\.[a-z\d]{1,5}$/);
    fc.assert(
      fc.property(bare, (text) => expect(mailboxOf(text)).toEqual(parsed(text))),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['"Lovelace, Ada" <ada@example.com>', { name: 'Lovelace, Ada', address: 'ada@example.com' }],
    ['ada@bücher.example', { name: '', address: 'ada@xn--bcher-kva.example' }],
    ['ada@EXAMPLE.com', { name: '', address: 'ada@example.com' }],
    ['', { name: '', address: '' }],
  ])('%s has a name, and its domain in ASCII', (text, mailbox) => {
    expect(mailboxOf(text)).toEqual(mailbox);
  });

  it('gives its domain to the Message-IDs of its own mail, whoever sent before', () => {
    const from = ['Ada <ada@example.com>', 'grace@example.org', 'Ada <ada@example.com>'];
    expect(from.map((one, n) => messageIdFor(String(n), one))).toEqual([
      '<0@example.com>',
      '<1@example.org>',
      '<2@example.com>',
    ]);
  });
});
