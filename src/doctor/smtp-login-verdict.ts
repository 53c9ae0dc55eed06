import { PROVIDERS } from '../mail/providers/providers.js';
import { fail, type Verdict } from './report.js';
import type { ProbeFailure } from './smtp-probe.js';

/** RFC 6749 §5.2 */
const CLIENT_REFUSED = ['invalid_client', 'unauthorized_client'];

/** No access token was got, which the mail server has no part in. */
export function tokenVerdict({ code, refusal }: ProbeFailure): Verdict {
  if (refusal === 'invalid_grant')
    return fail(
      `the OAuth2 refresh token is refused: ${refusal}`,
      'Make a new refresh token for this user and this client: it has expired or was revoked, or is of another one.',
    );
  if (refusal !== undefined && CLIENT_REFUSED.includes(refusal))
    return fail(
      `the OAuth2 client is refused: ${refusal}`,
      'Correct oauth_client_id and oauth_client_secret, and let the client use refresh tokens.',
    );
  if (refusal !== undefined)
    return fail(
      `the request for an OAuth2 access token is refused: ${refusal}`,
      'Look whether oauth_token_url is the address of this provider that exchanges refresh tokens.',
    );
  if (code === 'ETOKEN' || code === 'ETIMEDOUT')
    return fail(
      'the address that exchanges OAuth2 refresh tokens gave none',
      'Look whether oauth_token_url is right and can be reached from here.',
    );
  return fail(
    `hangs up while the access token is asked for (${code})`,
    'It may pass by itself. Otherwise look why oauth_token_url takes so long to answer.',
  );
}

export function loginVerdict(
  { code, reply, responseCode }: ProbeFailure,
  { host, oauth }: { host: string; oauth: boolean },
): Verdict {
  if (code === 'ETIMEDOUT')
    return fail(
      'the login hangs',
      'The server makes clients wait, often after wrong passwords. Try again in some minutes.',
    );
  if (reply === undefined)
    return fail(
      `hangs up at the login (${code})`,
      `Some servers do so in place of refusing ${oauth ? 'a token' : 'a password'}, or after several wrong ones. ${oauth ? OTHER_TOKEN : OTHER_PASSWORD} Then try again in some minutes, or ask whoever runs the server.`,
    );
  if (responseCode !== undefined && responseCode < 500)
    return fail(
      `the login is refused for now: ${reply}`,
      'It may pass by itself; the transport has a break and tries again.',
    );
  return fail(`the login is refused: ${reply}`, oauth ? OTHER_TOKEN : passwordRemedy(host, reply));
}

const OTHER_PASSWORD = 'Correct the user and the password in MAIL_TRANSPORTS.';
const OTHER_TOKEN =
  'Make a new refresh token as the very user in MAIL_TRANSPORTS, with the right to send by SMTP (Google: the scope https://mail.google.com/; Microsoft: SMTP.Send, and "Authenticated SMTP" allowed for the mailbox).';

function passwordRemedy(host: string, reply: string): string {
  if (/(^|\.)(gmail|google|googlemail)\.com$/i.test(host)) {
    return 'Gmail takes no password of an account here: turn on 2-step verification, make an app password at https://myaccount.google.com/apppasswords, and write its 16 letters without blanks into MAIL_TRANSPORTS. Or use OAuth2.';
  }
  if (/(^|\.)(office365|outlook)\.com$/i.test(host) || /5\.7\.139/.test(reply)) {
    return 'Microsoft has turned logins by password off for most: allow "Authenticated SMTP" for this mailbox, or use OAuth2.';
  }
  const relay = PROVIDERS.find(({ relay }) => relay.hosts.test(host))?.relay;
  if (relay?.remedy !== undefined) return relay.remedy;
  return 'Correct the user and the password in MAIL_TRANSPORTS (special characters percent-encoded); many providers want an app password or an API key here.';
}
