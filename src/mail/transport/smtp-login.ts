import type { SMTPConnectionAuth } from 'nodemailer/lib/smtp-connection';
import XOAuth2 from 'nodemailer/lib/xoauth2';
import type { SmtpSettings } from '../../config/settings.js';
import { SessionFailure } from './session-failure.js';

/** How a connection logs in. */
export interface Login {
  /** What it presents, asked for each connection; undefined: the server wants no login. @throws SessionFailure */
  present(): Promise<SMTPConnectionAuth | undefined>;
  /** SASL mechanisms in the order in which they are tried; undefined: whatever nodemailer takes. */
  order(offered: readonly string[]): readonly (string | undefined)[];
  /** That one is tried first from now on. */
  worked(mechanism: string | undefined): void;
}

/** A password, or an access token (SASL XOAUTH2) that is kept until it expires and then exchanged anew. */
export function loginOf(settings: SmtpSettings): Login {
  const present = presentationOf(settings);
  let first = settings.auth as string | undefined;
  return {
    present,
    // A mechanism may be offered and not work, such as CRAM-MD5 where the server keeps hashes only.
    order: (offered) => {
      if (settings.oauth) return [undefined];
      if (settings.auth !== undefined) return [settings.auth];
      const order = first !== undefined && offered.includes(first) ? [first, ...offered.filter((other) => other !== first)] : offered;
      return order.length === 0 ? [undefined] : order;
    },
    worked: (mechanism) => (first = mechanism ?? first),
  };
}

function presentationOf({ user, password, oauth }: SmtpSettings): Login['present'] {
  if (user === undefined) return () => Promise.resolve(undefined);
  if (!oauth) return () => Promise.resolve({ user, credentials: { user, pass: password ?? '' } });
  const { clientId, clientSecret, refreshToken, tokenUrl: accessUrl } = oauth;
  const oauth2 = new XOAuth2({ user, clientId, clientSecret, refreshToken, accessUrl });
  // Before the login rather than in it: there a provider that cannot be reached looks like a refused password.
  return async () => {
    await new Promise<void>((resolve, reject) => {
      oauth2.getToken(false, (error) => (error ? reject(tokenFailure(error)) : resolve()));
    });
    return { user, oauth2 };
  };
}

/** RFC 6749 §5.2; nodemailer hands the code on at the beginning of its message, and says nothing of the HTTP status. */
const REFUSAL = /^(invalid_request|invalid_client|invalid_grant|unauthorized_client|unsupported_grant_type|invalid_scope)\b/;

/** The provider's own refusal is for the operator; whatever else happened on the way may pass. */
function tokenFailure({ message }: Error): SessionFailure {
  const code = REFUSAL.exec(message)?.[1];
  if (code !== undefined) return new SessionFailure('EAUTH', `the refresh token was refused: ${code}`);
  return new SessionFailure('ETOKEN', 'the address for tokens gave no token');
}
