import type { Settings } from '../../../../src/config/settings.js';
import { Clock } from '../../../../src/core/clock.js';
import { Keyring } from '../../../../src/core/keyring.js';
import type { Cookie } from '../../../../src/http/pages/page-frame.js';
import { InboxSession } from '../../../../src/mail/inbox/inbox-access.js';

class HeldClock extends Clock {
  time = new Date('2026-11-21T12:00:00Z');
  now(): Date {
    return this.time;
  }
}

const HOUR = 60 * 60 * 1000;
const TOKEN = 'sesame-open-sesame';

function session({
  appSecret = 'one secret',
  production = true,
  appUrl = 'https://otpost.example',
  clock = new HeldClock(),
} = {}) {
  const settings = { production, http: { host: '0.0.0.0', port: 3000, appUrl } } as Settings;
  return new InboxSession(settings, new Keyring(appSecret), clock);
}

const sent = ({ name, value }: Cookie) => ({ [name]: value });

describe('a session of the inbox', () => {
  it('is a cookie that scripts cannot read, that stays here and that does not hold the token', () => {
    const cookie = session().begin(TOKEN);
    expect(cookie).toEqual({
      name: 'otpost_inbox',
      value: expect.stringMatching(/^\d+\.[\w-]{43}$/) as string,
      options: { path: '/inbox', maxAge: 43_200, httpOnly: true, sameSite: 'strict', secure: true },
    });
    expect(cookie.value).not.toContain(TOKEN);
  });

  it('leaves out Secure only where the service is reached over plain http outside production', () => {
    expect(session({ production: false, appUrl: 'http://localhost:3000' }).begin(TOKEN).options.secure).toBe(false);
    expect(session({ production: false }).begin(TOKEN).options.secure).toBe(true);
  });

  it('opens the inbox for twelve hours', () => {
    const clock = new HeldClock();
    const sessions = session({ clock });
    const cookie = sent(sessions.begin(TOKEN));
    expect(sessions.isOpen(cookie, TOKEN)).toBe(true);
    clock.time = new Date(clock.time.getTime() + 12 * HOUR - 1000);
    expect(sessions.isOpen(cookie, TOKEN)).toBe(true);
    clock.time = new Date(clock.time.getTime() + 1000);
    expect(sessions.isOpen(cookie, TOKEN)).toBe(false);
  });

  it('ends when the token or APP_SECRET changes', () => {
    const cookie = sent(session().begin(TOKEN));
    expect(session().isOpen(cookie, TOKEN)).toBe(true);
    expect(session().isOpen(cookie, 'another token')).toBe(false);
    expect(session({ appSecret: 'another secret' }).isOpen(cookie, TOKEN)).toBe(false);
  });

  it('cannot be made longer, invented or left empty', () => {
    const sessions = session();
    const [end, hash] = sessions.begin(TOKEN).value.split('.');
    for (const value of [
      `${Number(end) + 1}.${hash}`,
      `${end}.`,
      `${end}.${hash}x`,
      `1e20.${hash}`,
      `NaN.${hash}`,
      '',
      TOKEN,
    ]) {
      expect(sessions.isOpen({ otpost_inbox: value }, TOKEN)).toBe(false);
    }
    expect(sessions.isOpen({}, TOKEN)).toBe(false);
  });
});
