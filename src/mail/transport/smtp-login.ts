import type { SMTPConnectionAuth } from 'nodemailer/lib/smtp-connection';
import XOAuth2 from 'nodemailer/lib/xoauth2';
import type { SmtpSettings } from '../../config/settings.js';
import { SessionFailure } from './session-failure.js';

/** What a connection presents, asked for each; undefined: the server wants no login. @throws SessionFailure */
export type Login = () => Promise<SMTPConnectionAuth | undefined>;

/** A password, or an access token (SASL XOAUTH2) that is kept until it expires and then exchanged anew. */
export function loginOf({ user, password, oauth }: SmtpSettings): Login {
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
