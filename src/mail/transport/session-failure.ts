/** A failure of ours in the form that nodemailer gives its own. */
export class SessionFailure extends Error {
  override readonly name = 'SessionFailure';

  constructor(
    readonly code: 'ETIMEDOUT' | 'ECONNECTION' | 'EAUTH' | 'ETOKEN',
    message: string,
  ) {
    super(message);
  }
}
