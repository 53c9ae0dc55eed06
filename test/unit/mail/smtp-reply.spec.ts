import { classifySmtpFailure } from '../../../src/mail/smtp-reply.js';

describe('a failed SMTP transfer', () => {
  it.each([
    ['refused connection', { code: 'ESOCKET' }, 'not_started', 'deferred', 'smtp_esocket'],
    ['time-out before the message', { code: 'ETIMEDOUT' }, 'not_started', 'deferred', 'smtp_etimedout'],
    ['close in mid-message', { code: 'ECONNECTION' }, 'transferring', 'deferred', 'smtp_econnection'],
    ['close after the message', { code: 'ECONNECTION' }, 'released', 'unknown', 'smtp_econnection'],
    ['time-out after the message', { code: 'ETIMEDOUT' }, 'released', 'unknown', 'smtp_etimedout'],
    ['greylisting', { code: 'EENVELOPE', responseCode: 450, response: '450 4.2.0' }, 'not_started', 'deferred', 'smtp_450'],
    ['4xx after the message', { code: 'EMESSAGE', responseCode: 451, response: '451' }, 'released', 'deferred', 'smtp_451'],
    ['unknown mailbox', { code: 'EENVELOPE', responseCode: 550, response: '550' }, 'not_started', 'failed', 'smtp_550'],
    ['5xx after the message', { code: 'EMESSAGE', responseCode: 554, response: '554' }, 'released', 'failed', 'smtp_554'],
    ['refused login', { code: 'EAUTH', responseCode: 535, response: '535' }, 'not_started', 'deferred', 'smtp_auth'],
  ] as const)('%s is %j at %s → %s', (_, failure, stage, kind, errorCode) => {
    expect(classifySmtpFailure(failure, stage)).toMatchObject({ kind, errorCode });
  });
});
