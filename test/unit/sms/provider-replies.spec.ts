import { judgeAnswer } from '../../../src/mail/providers/http-transport.js';
import { semaphore } from '../../../src/mail/sms/semaphore.js';
import { twilio } from '../../../src/mail/sms/twilio.js';
import { vonage } from '../../../src/mail/sms/vonage.js';

const NOW = new Date('2026-11-29T08:00:00Z');
const noNumber = { kind: 'failed', ofRecipient: true, errorCode: 'sms_number' };
const optedOut = { kind: 'failed', ofRecipient: true, errorCode: 'sms_opted_out' };
const noCountry = { kind: 'failed', elsewhere: true, errorCode: 'sms_country' };
const noSender = { kind: 'deferred', uncounted: true, errorCode: 'http_sender' };
const noKey = { kind: 'deferred', transport: { kind: 'pause', reason: 'http_auth' } };
const noCredit = { kind: 'deferred', errorCode: 'http_quota' };
const tooFast = { kind: 'deferred', uncounted: true, transport: { kind: 'backoff' } };

/** What each code means: https://www.twilio.com/docs/api/errors/21211, and a page like it for each. */
const TWILIO: [code: number, meaning: string, outcome: object][] = [
  [21211, 'no valid number', noNumber],
  [21265, 'a short code', noNumber],
  [21614, 'no mobile number', noNumber],
  [21635, 'a landline', noNumber],
  [21610, 'the recipient said STOP', optedOut],
  [21408, 'no permission for the region', noCountry],
  [21612, 'not with this sender and recipient', noCountry],
  [21401, 'the sender is not enabled for SMS', noSender],
  [21606, 'the sender cannot send', noSender],
  [21608, 'a trial account sends to verified numbers alone', noSender],
  [21660, 'the sender is of another account', noSender],
  [21701, 'no such messaging service', noSender],
  [21704, 'the messaging service has no numbers', noSender],
  [21705, 'the messaging service is invalid', noSender],
  [10001, 'the account is not active', noKey],
  [20005, 'the account is not active', noKey],
  [63038, 'the daily limit of the account', noCredit],
  [20429, 'too many requests', tooFast],
  [21611, 'the queue of the sender is full', tooFast],
];

/** https://developer.vonage.com/api-errors/sms */
const VONAGE: [status: string, meaning: string, outcome: object][] = [
  ['1', 'faster than the account may', tooFast],
  ['4', 'credentials', noKey],
  ['7', 'the number is barred', noNumber],
  ['8', 'the account is barred', noKey],
  ['9', 'no credit', noCredit],
  ['15', 'the sender', noSender],
  ['22', 'no network of that country', noCountry],
  ['29', 'a demo account sends to listed numbers alone', noSender],
  ['33', 'the number is de-activated', noNumber],
];

/** Nobody documents them; what users of https://api.semaphore.co/docs met. */
const SEMAPHORE: [meaning: string, status: number, body: object, outcome: object][] = [
  ['the key', 200, { apikey: ['The selected apikey is invalid.'] }, noKey],
  ['the number', 200, { number: ['The number format is invalid.'] }, noNumber],
  ['the sender', 200, { sendername: ['The selected sendername is invalid.'] }, noSender],
  ['no active sender', 500, [{ senderName: 'No active sender name found.' }], noSender],
  ['no credits', 500, ['Your current balance of 0 credits is not sufficient.'], noCredit],
];

const outcomeOf = (provider: Parameters<typeof judgeAnswer>[0], status: number, json: object) =>
  judgeAnswer(provider, { status, headers: new Headers(), text: JSON.stringify(json), json }, NOW);

describe('what a provider of SMS refuses', () => {
  it.each(TWILIO)('Twilio, %i: %s', (code, message, outcome) => {
    expect(outcomeOf(twilio, 400, { code, message, status: 400 })).toMatchObject(outcome);
  });

  it.each(VONAGE)('Vonage, %s: %s', (status, text, outcome) => {
    expect(outcomeOf(vonage, 200, { messages: [{ status, 'error-text': text }] })).toMatchObject(outcome);
  });

  it.each(SEMAPHORE)('Semaphore: %s', (_, status, body, outcome) => {
    expect(outcomeOf(semaphore, status, body)).toMatchObject(outcome);
  });
});
