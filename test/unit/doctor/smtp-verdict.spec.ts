import type { ProbeFailure, SmtpFinding } from '../../../src/doctor/smtp-probe.js';
import { type SmtpContext, smtpVerdict } from '../../../src/doctor/smtp-verdict.js';

const NOW = new Date('2026-11-21T09:00:00Z');
const FOUND: SmtpFinding = {
  port: 587,
  tls: 'starttls',
  stages: { connect: 10 },
  ms: 120,
  addresses: ['192.0.2.1'],
  offersLogin: true,
};
const CERTIFICATE = { subject: 'smtp.example.com', issuer: 'R11', validTo: '2027-01-20T09:00:00.000Z' };
const CONTEXT: SmtpContext = {
  host: 'smtp.example.com',
  hasLogin: true,
  oauth: false,
  configured: true,
  otherWorks: false,
  behind: undefined,
  alternatives: [],
  greetingMs: 300_000,
  openingMs: 10_000,
  now: NOW,
};

function failing(failure: ProbeFailure, finding: Partial<SmtpFinding> = {}, context: Partial<SmtpContext> = {}) {
  return smtpVerdict({ ...FOUND, ...finding, failure }, { ...CONTEXT, ...context });
}

describe('an SMTP port', () => {
  it('that lets us in is well', () => {
    const check = smtpVerdict({ ...FOUND, certificate: CERTIFICATE }, CONTEXT);
    expect(check).toMatchObject({
      area: 'smtp',
      name: 'smtp.example.com:587',
      status: 'ok',
      ms: 120,
      summary: 'answers, certificate good for 60 days, login accepted',
    });
  });

  it('whose certificate ends soon asks for a look', () => {
    const check = smtpVerdict(
      { ...FOUND, certificate: { ...CERTIFICATE, validTo: '2026-11-24T09:00:00.000Z' } },
      CONTEXT,
    );
    expect([check.status, check.summary]).toEqual(['warn', expect.stringContaining('3 days')]);
  });

  it('that offers no login, where there is one to present, asks for a look', () => {
    expect(smtpVerdict({ ...FOUND, offersLogin: false }, CONTEXT)).toMatchObject({
      status: 'warn',
      summary: expect.stringContaining('offers no login') as string,
    });
    expect(smtpVerdict({ ...FOUND, offersLogin: false }, { ...CONTEXT, hasLogin: false })).toMatchObject({
      status: 'ok',
    });
  });

  it('that greets late is waited for with each connection, and asks for a look', () => {
    const late = (greeting: number) => smtpVerdict({ ...FOUND, stages: { ...FOUND.stages, greeting } }, CONTEXT);
    expect(late(9_999).status).toBe('ok');
    expect(late(35_020)).toMatchObject({
      status: 'warn',
      summary: 'greets after 35 s only, login accepted',
      remedy: expect.stringMatching(/^Mail goes out, and late: a message waits 10 s/) as string,
    });
  });

  it.each<[string, ProbeFailure, Partial<SmtpFinding>, Partial<SmtpContext>, RegExp, RegExp]>([
    [
      'hangs',
      { stage: 'connect', code: 'ETIMEDOUT' },
      {},
      {},
      /587 hangs: this host probably blocks SMTP; Render's free web services and Railway below Pro/,
      /2525.*HTTP provider/,
    ],
    [
      'hangs while another port answers',
      { stage: 'connect', code: 'ETIMEDOUT' },
      {},
      { alternatives: [2525] },
      /hangs/,
      /port 2525, which answers from here/,
    ],
    [
      'hangs and is not one that hosts block',
      { stage: 'connect', code: 'ETIMEDOUT' },
      { port: 2525 },
      {},
      /2525 hangs/,
      /Ask the host/,
    ],
    [
      'is refused',
      { stage: 'connect', code: 'ECONNREFUSED' },
      {},
      {},
      /refused: nothing listens/,
      /Correct the host and the port/,
    ],
    [
      'is refused on loopback',
      { stage: 'connect', code: 'ECONNREFUSED' },
      {},
      { host: '127.0.0.1' },
      /refused/,
      /the container itself/,
    ],
    ['has no route', { stage: 'connect', code: 'ENETUNREACH' }, {}, {}, /no route/, /IPv6/],
    ['has no name', { stage: 'dns', code: 'ENOTFOUND' }, {}, {}, /no host smtp\.example\.com/, /Correct the host/],
    [
      'has a name that nobody tells',
      { stage: 'dns', code: 'ETIMEOUT' },
      {},
      {},
      /no name server tells/,
      /resolv\.conf/,
    ],
    [
      'does not greet, as far as was waited',
      { stage: 'greeting', code: 'ETIMEDOUT' },
      { stages: { greeting: 15_004 } },
      {},
      /^587 connects, and has not greeted within 15 s$/,
      /^A slow server gets 5 min for its greeting from deliveries/,
    ],
    [
      'does not greet for as long as a delivery waits',
      { stage: 'greeting', code: 'ETIMEDOUT' },
      { stages: { greeting: 300_001 } },
      {},
      /^587 connects, and does not greet within 5 min$/,
      /ask whoever runs it.*port 2525/,
    ],
    [
      'wants TLS at once',
      { stage: 'greeting', code: 'ETIMEDOUT', speaksTls: true },
      { stages: { greeting: 15_100 } },
      {},
      /wants TLS from the first byte/,
      /^Write smtps:\/\/…@smtp\.example\.com:587\.$/,
    ],
    [
      'turns us away',
      { stage: 'greeting', code: 'EPROTOCOL', reply: '554 5.7.1 not you', responseCode: 554 },
      {},
      {},
      /554 5\.7\.1 not you/,
      /list/,
    ],
    [
      'turns us away for now',
      { stage: 'greeting', code: 'EPROTOCOL', reply: '421 4.3.2 later', responseCode: 421 },
      {},
      {},
      /for now: 421/,
      /by itself/,
    ],
    ['hangs up', { stage: 'greeting', code: 'ECONNECTION' }, {}, {}, /hangs up before/, /Ask the server/],
    [
      'has no STARTTLS',
      { stage: 'starttls', code: 'ETLS', reply: '502 what?', responseCode: 502 },
      {},
      {},
      /no STARTTLS/,
      /465/,
    ],
    [
      'has no STARTTLS now',
      { stage: 'starttls', code: 'ETLS', reply: '454 4.7.0 later', responseCode: 454 },
      {},
      {},
      /no STARTTLS for now \(454 4\.7\.0 later\)/,
      /by itself/,
    ],
    [
      'hangs in STARTTLS',
      { stage: 'starttls', code: 'ETIMEDOUT' },
      {},
      {},
      /agrees to STARTTLS, and TLS hangs/,
      /smtps:\/\/ on 465/,
    ],
    [
      'knows no EHLO',
      { stage: 'ehlo', code: 'ECONNECTION', reply: '502 what?', responseCode: 502 },
      {},
      {},
      /knows no EHLO \(502 what\?\), so there is no STARTTLS/,
      /firewall.*465/,
    ],
    [
      'refuses the second word',
      { stage: 'ehlo', code: 'ECONNECTION', reply: '550 no', responseCode: 550, last: true },
      {},
      {},
      /refuses this host: 550 no/,
      /Ask whoever/,
    ],
    [
      'falls silent',
      { stage: 'ehlo', code: 'ETIMEDOUT' },
      {},
      {},
      /greets, then says nothing more/,
      /firewall that looks into SMTP/,
    ],
    [
      'hangs up after its greeting',
      { stage: 'ehlo', code: 'ECONNECTION' },
      {},
      {},
      /greets, then hangs up/,
      /firewall that looks into SMTP/,
    ],
    [
      'is told nothing, for the refresh token is refused',
      { stage: 'token', code: 'EAUTH', refusal: 'invalid_grant' },
      {},
      { oauth: true },
      /^the OAuth2 refresh token is refused: invalid_grant$/,
      /^Make a new refresh token/,
    ],
    [
      'is told nothing, for the client is refused',
      { stage: 'token', code: 'EAUTH', refusal: 'invalid_client' },
      {},
      { oauth: true },
      /OAuth2 client is refused: invalid_client/,
      /oauth_client_secret/,
    ],
    [
      'is told nothing, for the request makes no sense there',
      { stage: 'token', code: 'EAUTH', refusal: 'unsupported_grant_type' },
      {},
      { oauth: true },
      /access token is refused: unsupported_grant_type/,
      /oauth_token_url/,
    ],
    [
      'is told nothing, for the address for tokens is away',
      { stage: 'token', code: 'ETOKEN' },
      {},
      { oauth: true },
      /address that exchanges OAuth2 refresh tokens gave none/,
      /oauth_token_url is right and can be reached/,
    ],
    [
      'loses patience meanwhile',
      { stage: 'token', code: 'ECONNECTION' },
      {},
      { oauth: true },
      /hangs up while the access token is asked for/,
      /oauth_token_url takes so long/,
    ],
    [
      'hangs up at a password',
      { stage: 'login', code: 'ECONNECTION' },
      {},
      {},
      /^hangs up at the login \(ECONNECTION\)$/,
      /a password.*Correct the user and the password/,
    ],
    [
      'is cut off at a token',
      { stage: 'login', code: 'ECONNRESET' },
      {},
      { oauth: true },
      /^hangs up at the login \(ECONNRESET\)$/,
      /a token.*new refresh token/,
    ],
    [
      'is Gmail and refuses the access token',
      { stage: 'login', code: 'EAUTH', reply: '535-5.7.8 BadCredentials', responseCode: 535 },
      {},
      { host: 'smtp.gmail.com', oauth: true },
      /BadCredentials/,
      /^Make a new refresh token .*the scope https:\/\/mail\.google\.com/,
    ],
    [
      'signs for itself',
      { stage: 'starttls', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
      {},
      {},
      /signed by itself/,
      /NODE_EXTRA_CA_CERTS/,
    ],
    [
      'has expired',
      { stage: 'tls', code: 'CERT_HAS_EXPIRED' },
      { port: 465, tls: 'implicit' },
      {},
      /has expired/,
      /renew/,
    ],
    [
      'is somebody else',
      { stage: 'starttls', code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
      { certificate: CERTIFICATE },
      {},
      /another name .*for smtp\.example\.com/,
      /name that the certificate/,
    ],
    [
      'speaks no TLS at first',
      { stage: 'tls', code: 'ERR_SSL_WRONG_VERSION_NUMBER' },
      { tls: 'implicit' },
      {},
      /plain SMTP first/,
      /smtp:\/\/…@smtp\.example\.com:587/,
    ],
    [
      'refuses the password',
      { stage: 'login', code: 'EAUTH', reply: '535 5.7.8 no', responseCode: 535 },
      {},
      {},
      /refused: 535 5\.7\.8 no/,
      /Correct the user and the password/,
    ],
    [
      'is Gmail and refuses the password',
      { stage: 'login', code: 'EAUTH', reply: '535-5.7.8 BadCredentials', responseCode: 535 },
      {},
      { host: 'smtp.gmail.com' },
      /BadCredentials/,
      /app password/,
    ],
    [
      'is Microsoft and refuses the password',
      { stage: 'login', code: 'EAUTH', reply: '535 5.7.139 disabled', responseCode: 535 },
      {},
      { host: 'smtp.office365.com' },
      /5\.7\.139/,
      /OAuth2/,
    ],
    [
      'refuses for now',
      { stage: 'login', code: 'EAUTH', reply: '454 4.7.0 later', responseCode: 454 },
      {},
      {},
      /for now: 454/,
      /by itself/,
    ],
    ['lets the login hang', { stage: 'login', code: 'ETIMEDOUT' }, {}, {}, /login hangs/, /Try again/],
  ])('that %s fails, in plain words', (_what, failure, finding, context, says, advises) => {
    const check = failing(failure, finding, context);
    expect([check.status, check.summary, check.remedy]).toEqual([
      'fail',
      expect.stringMatching(says),
      expect.stringMatching(advises),
    ]);
  });

  it('beside one that works is no failure, but for the login', () => {
    expect(failing({ stage: 'connect', code: 'ETIMEDOUT' }, {}, { otherWorks: true })).toMatchObject({
      status: 'warn',
      remedy: expect.stringContaining('another port') as string,
    });
    expect(
      failing({ stage: 'login', code: 'EAUTH', reply: '535 no', responseCode: 535 }, {}, { otherWorks: true }).status,
    ).toBe('fail');
  });

  it('at which a delivery ends hides one behind it that works, whatever else is said', () => {
    const away: ProbeFailure = { stage: 'greeting', code: 'EPROTOCOL', reply: '554 no', responseCode: 554, last: true };
    const check = failing(away, {}, { behind: 465 });
    expect([check.status, check.summary]).toEqual(['fail', 'turns this host away: 554 no']);
    expect(check.remedy).toMatch(/^465 works, and is not tried after that: put it first in SMTP_PORTS\. The address/);
    expect(failing({ stage: 'connect', code: 'ETIMEDOUT' }, {}, { behind: 465 }).remedy).not.toContain('SMTP_PORTS');
  });

  it('that is not configured is no failure either', () => {
    expect(failing({ stage: 'connect', code: 'ETIMEDOUT' }, {}, { configured: false })).toMatchObject({
      status: 'skip',
      summary: 'not configured; does not work from here',
    });
    expect(smtpVerdict(FOUND, { ...CONTEXT, configured: false })).toMatchObject({
      status: 'skip',
      summary: 'not configured; answers from here',
    });
  });
});
