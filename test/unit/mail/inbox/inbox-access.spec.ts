import { inboxExists, type InboxSetting } from '../../../../src/mail/inbox/inbox-access.js';

function setting(change: Partial<InboxSetting> = {}): InboxSetting {
  return {
    production: false,
    mail: { transports: [{ kind: 'capture' }] },
    inboxToken: undefined,
    ...change,
  };
}

describe('whether there is an inbox', () => {
  it('is decided by whether any transport captures', () => {
    expect(inboxExists(setting())).toBe(true);
    expect(inboxExists(setting({ mail: { transports: [{ kind: 'smtp' }, { kind: 'capture' }] } }))).toBe(true);
    expect(inboxExists(setting({ mail: { transports: [{ kind: 'smtp' }] }, inboxToken: 'token' }))).toBe(false);
  });

  it('needs a token in production', () => {
    expect(inboxExists(setting({ production: true }))).toBe(false);
    expect(inboxExists(setting({ production: true, inboxToken: 'token' }))).toBe(true);
  });
});
