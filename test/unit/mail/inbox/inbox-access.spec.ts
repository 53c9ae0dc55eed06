import { inboxExists, type InboxSetting } from '../../../../src/mail/inbox/inbox-access.js';

function setting(change: Partial<InboxSetting> = {}): InboxSetting {
  return {
    production: false,
    mail: { transports: [{ kind: 'capture' }] },
    sms: { transports: [] },
    inboxToken: undefined,
    ...change,
  };
}

describe('whether there is an inbox', () => {
  it('is decided by whether any transport captures', () => {
    expect(inboxExists(setting())).toBe(true);
    expect(inboxExists(setting({ mail: { transports: [{ kind: 'smtp' }, { kind: 'capture' }] } }))).toBe(true);
    const sent = { transports: [{ kind: 'smtp' }] };
    expect(inboxExists(setting({ mail: sent, inboxToken: 'token' }))).toBe(false);
    expect(inboxExists(setting({ mail: sent, sms: { transports: [{ kind: 'capture' }] } }))).toBe(true);
  });

  it('needs a token in production', () => {
    expect(inboxExists(setting({ production: true }))).toBe(false);
    expect(inboxExists(setting({ production: true, inboxToken: 'token' }))).toBe(true);
  });
});
