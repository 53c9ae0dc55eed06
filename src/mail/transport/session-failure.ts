/** A failure of ours in the form that nodemailer gives its own. */
export class SessionFailure extends Error {
  override readonly name = 'SessionFailure';

  constructor(
    readonly code: 'ETIMEDOUT' | 'ECONNECTION' | 'EAUTH' | 'ETOKEN',
    message: string,
    /** Which wait was too long, in nodemailer's words. */
    readonly timeoutType?: 'CONNECT_TIMEOUT' | 'GREETING_TIMEOUT' | 'SETUP_TIMEOUT',
  ) {
    super(message);
  }
}
