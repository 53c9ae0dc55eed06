import {
  type AddressFields,
  MOST_RECIPIENTS,
  readRecipients,
} from '../../../../src/mail/submission/recipients-policy.js';

const many = (count: number): string[] => Array.from({ length: count }, (_, n) => `ada${n}@example.com`);

describe('whom a message is for', () => {
  it('is read with names, in the order in which it shows them', () => {
    const { recipients, faults } = readRecipients({
      to: ['Ada Lovelace <ada@example.com>', 'grace@Example.COM'],
      cc: ['"Johnson, Katherine" <katherine@example.com>'],
      bcc: ['<mary@bücher.example>'],
    });
    expect(faults).toEqual([]);
    expect(recipients.map(({ kind, name, address }) => [kind, name, address])).toEqual([
      ['to', 'Ada Lovelace', 'ada@example.com'],
      ['to', '', 'grace@Example.COM'],
      ['cc', 'Johnson, Katherine', 'katherine@example.com'],
      ['bcc', '', 'mary@bücher.example'],
    ]);
  });

  it('is each address once, where it is shown first', () => {
    const { recipients, faults } = readRecipients({
      to: ['Ada <ada@example.com>', 'ADA@example.com'],
      cc: ['ada@Example.com', 'grace@example.com'],
      bcc: ['Grace <grace@example.com>', 'katherine@example.com'],
    });
    expect(faults).toEqual([]);
    expect(recipients.map(({ kind, address }) => `${kind} ${address}`)).toEqual([
      'to ada@example.com',
      'cc grace@example.com',
      'bcc katherine@example.com',
    ]);
  });

  it(`may be ${MOST_RECIPIENTS} in all`, () => {
    const all = many(MOST_RECIPIENTS);
    const { recipients, faults } = readRecipients({ to: all.slice(0, 1), cc: all.slice(1, 20), bcc: all.slice(20) });
    expect([recipients.length, faults]).toEqual([MOST_RECIPIENTS, []]);
  });

  it.each<[string, AddressFields, string, string]>([
    ['nobody', { to: [] }, 'to', 'required'],
    ['nobody that it shows in To', { to: [], cc: ['ada@example.com'] }, 'to', 'required'],
    ['51 in To', { to: many(51) }, 'to', 'too_many_recipients'],
    ['51 in all', { to: many(1), cc: many(25), bcc: many(25) }, 'to', 'too_many_recipients'],
    ['no address', { to: ['ada'] }, 'to', 'invalid_address'],
    ['no address as the second', { to: ['ada@example.com', 'grace@'] }, 'to.1', 'invalid_address'],
    ['no address in Cc', { to: ['ada@example.com'], cc: ['@example.com'] }, 'cc', 'invalid_address'],
    ['no address in Bcc', { to: many(1), bcc: [...many(1), 'a b@example.com'] }, 'bcc.1', 'invalid_address'],
    ['two addresses in one entry', { to: ['ada@example.com, grace@example.com'] }, 'to', 'invalid_address'],
    ['a group', { to: ['Friends: ada@example.com;'] }, 'to', 'invalid_address'],
    ['a line break', { to: ['Ada\r\nBcc: x@example.com <ada@example.com>'] }, 'to', 'invalid_address'],
    ['words after the address', { to: ['<ada@example.com> Ada'] }, 'to', 'invalid_address'],
    ['a name of 201 characters', { to: [`${'a'.repeat(201)} <ada@example.com>`] }, 'to', 'invalid_address'],
    ['an empty entry', { to: [''] }, 'to', 'invalid_address'],
  ])('is refused: %s', (_, fields, field, code) => {
    expect(readRecipients(fields).faults).toEqual([{ field, code, message: expect.any(String) as string }]);
  });

  it('is told with all its faults at once', () => {
    const { faults } = readRecipients({ to: ['ada', 'grace@example.com'], cc: ['b'], bcc: ['c', 'd'] });
    expect(faults.map(({ field }) => field)).toEqual(['to.0', 'cc', 'bcc.0', 'bcc.1']);
  });
});
