import { heloName } from '../../../src/config/smtp-entry.js';
import type { SmtpSettings } from '../../../src/config/settings.js';
import { onlyFault, onlyTransport } from './faults.js';

const entry = (query: string): string => `smtp://mail.example.com:587?${query}`;
const good = (query: string) => onlyTransport(entry(query)) as SmtpSettings;

describe('what a strict or slow server asks for', () => {
  it('is taken from the URL', () => {
    expect(
      good(
        'helo=Mail.Example.COM&auth=login&connect_timeout=20s&greeting_timeout=2min&reply_timeout=90s&final_reply_timeout=15min',
      ),
    ).toMatchObject({
      helo: 'mail.example.com',
      auth: 'LOGIN',
      timeouts: { connect: 20_000, greeting: 120_000, reply: 90_000, finalReply: 900_000 },
    });
    expect(good('helo=[192.0.2.7]').helo).toBe('[192.0.2.7]');
  });

  it('may all be left out', () => {
    expect(good('tls=off')).not.toHaveProperty('timeouts');
    expect(good('tls=off')).not.toHaveProperty('helo');
  });

  it.each([
    'helo=mail',
    'helo=',
    'helo=mail.localhost',
    'helo=-a.example.com',
    'helo=a b.example.com',
    'helo=192.0.2.7',
    'auth=oauth',
    'auth=',
    'connect_timeout=10',
    'greeting_timeout=0s',
    'reply_timeout=1h',
    'final_reply_timeout=31min',
    'reply_timeout=30s&reply_timeout=40s',
  ])('is refused where it makes no sense: %s', (query) => {
    expect(onlyFault({ MAIL_TRANSPORTS: entry(query) }).variable).toBe('MAIL_TRANSPORTS');
  });
});

describe('the name in EHLO', () => {
  it.each([
    ['web-1.example.com', 'https://otpost.example.com', 'web-1.example.com'],
    ['srv-d1q2w3', 'https://Otpost.Example.com', 'otpost.example.com'],
    ['srv-d1q2w3', 'http://localhost:3000', '[127.0.0.1]'],
    ['srv.localdomain', 'https://otpost.example.com/', 'otpost.example.com'],
    ['srv', 'https://192.0.2.7', '[127.0.0.1]'],
    ['web_1.example.com', 'https://otpost.example.com', 'otpost.example.com'],
  ])('of the host %s at %s is %s', (hostname, appUrl, name) => {
    expect(heloName(hostname, appUrl)).toBe(name);
  });
});
