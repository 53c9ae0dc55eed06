import type { ComposedMessage } from '../../../../src/mail/transport/transport.js';

export const ID = '019a1b2c-3d4e-7f50-8a9b-0c1d2e3f4a5b';

/** For one recipient, shown in To. */
export function only(address: string): Pick<ComposedMessage, 'to' | 'recipients'> {
  return { to: [address], recipients: [{ kind: 'to', address, name: '' }] };
}

export function message(more: Partial<ComposedMessage> = {}): ComposedMessage {
  return {
    id: ID,
    messageId: `<${ID}@example.com>`,
    from: '"Ada, of \\"Acme\\"" <post@example.com>',
    ...only('grace@bücher.example'),
    cc: [],
    replyTo: ['Help <help@example.com>'],
    date: new Date('2026-11-21T12:00:00Z'),
    subject: 'Ihr Code für\r\nBcc: everybody@example.com',
    text: 'Hello ✓',
    html: '<p>Hello ✓</p>',
    headers: { 'Auto-Submitted': 'auto-generated', 'List-Unsubscribe': '<https://example.com/u?t=1>\r\nX-Evil: 1' },
    attachments: [],
    ...more,
  };
}
