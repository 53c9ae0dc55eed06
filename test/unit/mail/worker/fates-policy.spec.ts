import type { ClaimedEmail, Recipient } from '../../../../src/mail/outbox/email-rows.js';
import type { Outcome, RefusedRecipient } from '../../../../src/mail/transport/transport.js';
import { type Answer, fatesOf, hiddenApart } from '../../../../src/mail/worker/fates-policy.js';

const SERVER = 'mx.example.com:25';
const person = (name: string, kind: Recipient['kind'] = 'to'): Recipient => {
  const address = `${name}@example.com`;
  return { kind, address, name: '', canonical: address };
};
const [ada, grace, katherine] = [person('ada'), person('grace', 'cc'), person('katherine', 'bcc')];
const THREE = [ada, grace, katherine];

const refused = ({ address }: Recipient, outcome: RefusedRecipient['outcome']): RefusedRecipient => ({
  address,
  outcome,
});
const NOBODY: RefusedRecipient['outcome'] = {
  kind: 'failed',
  suppress: true,
  ofRecipient: true,
  errorCode: 'smtp_550',
  reply: '550 5.1.1 nobody',
};
const LATER: RefusedRecipient['outcome'] = { kind: 'deferred', errorCode: 'smtp_451', reply: '451 4.3.0 later' };
const TAKEN: Outcome & { kind: 'sent' } = { kind: 'sent', reply: '250 taken' };
const CONTENT: Answer = { kind: 'failed', errorCode: 'smtp_554', reply: '554 no such words here' };

/** Who has which fate: the message's own last, under `message`. */
function told(outcome: Answer, recipients: readonly Recipient[] = THREE, delay = 1_000) {
  const email = { to: recipients[0]!.address, recipients } as unknown as ClaimedEmail;
  const { apart = [], ...message } = fatesOf(email, outcome, SERVER, () => delay);
  return { apart: Object.fromEntries(apart.map(({ recipient, ending }) => [recipient.address, ending])), message };
}
const apartOf = (outcome: Answer, recipients?: readonly Recipient[]): string[] =>
  Object.keys(told(outcome, recipients).apart);

describe('what a server said to some recipients', () => {
  it('is their fate alone, and the others have the one of the message', () => {
    const { apart, message } = told({ ...TAKEN, refused: [refused(grace, NOBODY), refused(katherine, LATER)] });
    expect(message).toEqual({ status: 'sent', transport: SERVER, reply: '250 taken' });
    expect(apart).toEqual({
      'grace@example.com': {
        status: 'failed',
        transport: SERVER,
        errorCode: 'smtp_550',
        reply: '550 5.1.1 nobody',
        suppress: { reason: 'hard_bounce', source: SERVER },
      },
      'katherine@example.com': {
        status: 'deferred',
        transport: SERVER,
        errorCode: 'smtp_451',
        reply: '451 4.3.0 later',
        delayMs: 1_000,
      },
    });
  });

  it('ends each where all were refused, the first by the fate of the message', () => {
    const { apart, message } = told({ ...NOBODY, refused: [refused(grace, LATER), refused(katherine, NOBODY)] });
    expect(message).toMatchObject({ status: 'failed', suppress: { reason: 'hard_bounce' } });
    expect(apart).toMatchObject({
      'grace@example.com': { status: 'deferred' },
      'katherine@example.com': { status: 'failed' },
    });
  });

  it('holds also where the outcome of the message is unknown', () => {
    const { apart, message } = told({ kind: 'unknown', errorCode: 'smtp_closed', refused: [refused(grace, NOBODY)] });
    expect(message).toMatchObject({ status: 'unknown' });
    expect(apart).toMatchObject({ 'grace@example.com': { status: 'failed', reply: '550 5.1.1 nobody' } });
  });

  it('holds also where the rest was refused after it, whom each may be to blame for', () => {
    const { apart, message } = told({ ...CONTENT, refused: [refused(ada, NOBODY)] });
    expect(message).toMatchObject({ status: 'deferred', delayMs: 0, uncounted: true });
    expect(apart).toMatchObject({ 'ada@example.com': { status: 'failed' }, 'katherine@example.com': { delayMs: 0 } });
    expect(apart).not.toHaveProperty(['grace@example.com']);
  });

  const ONE_TOO_MANY: RefusedRecipient['outcome'] = {
    kind: 'deferred',
    tooMany: true,
    errorCode: 'smtp_452',
    reply: '452 4.5.3 too many',
  };

  it.each<[string, Answer]>([
    ['taken', TAKEN],
    ['put off', { kind: 'deferred', uncounted: true, errorCode: 'smtp_421', reply: '421 busy' }],
    ['not answered', { kind: 'unknown', errorCode: 'smtp_closed' }],
  ])('has those who were too many go on at once, alone and uncounted, where the others were %s', (_, outcome) => {
    const { apart, message } = told({ ...outcome, refused: [refused(grace, ONE_TOO_MANY), refused(katherine, LATER)] });
    expect(message.status).toBe(outcome.kind);
    expect(apart).toMatchObject({
      'grace@example.com': { status: 'deferred', delayMs: 0, uncounted: true, errorCode: 'smtp_452' },
      'katherine@example.com': { status: 'deferred', delayMs: 1_000 },
    });
    expect(apart['katherine@example.com']).not.toHaveProperty('uncounted');
  });

  it('has them wait where the first one was too many already, for at once would be over and over', () => {
    const { apart, message } = told({
      ...ONE_TOO_MANY,
      refused: [refused(grace, ONE_TOO_MANY), refused(katherine, ONE_TOO_MANY)],
    });
    const waiting = { status: 'deferred', delayMs: 1_000 };
    expect(message).toMatchObject(waiting);
    expect(apart).toMatchObject({ 'grace@example.com': waiting, 'katherine@example.com': waiting });
    expect(told(ONE_TOO_MANY, [ada]).message).toEqual({
      ...waiting,
      transport: SERVER,
      errorCode: 'smtp_452',
      reply: '452 4.5.3 too many',
    });
  });

  it('has each go alone at once where the message as a whole was for too many', () => {
    const { apart, message } = told(ONE_TOO_MANY);
    expect(message).toMatchObject({ status: 'deferred', delayMs: 0, uncounted: true });
    expect(Object.values(apart)).toEqual([message, message]);
  });

  it('leaves one whom alone the message was shown to: its refusal is theirs', () => {
    const { apart, message } = told({ ...CONTENT, refused: [refused(grace, LATER), refused(katherine, NOBODY)] });
    expect(message).toMatchObject({ status: 'failed', errorCode: 'smtp_554' });
    expect(Object.keys(apart)).toEqual(['grace@example.com', 'katherine@example.com']);
  });

  it('gives one up whose attempts are used up', () => {
    const email = { to: ada.address, recipients: THREE } as unknown as ClaimedEmail;
    const { apart } = fatesOf(email, { ...TAKEN, refused: [refused(grace, LATER)] }, SERVER, () => 'give_up');
    expect(apart).toMatchObject([{ recipient: grace, ending: { status: 'failed', errorCode: 'smtp_451' } }]);
  });
});

describe('what a server said to a message for several as a whole', () => {
  it.each<[string, Answer]>([
    ['refused for good', CONTENT],
    ['refused for now', { kind: 'deferred', errorCode: 'smtp_451', reply: '451 later' }],
    ['refused by policy', { kind: 'deferred', alert: true, errorCode: 'smtp_550', reply: '550 5.7.1 no' }],
    ['lost to silence at one of them', { kind: 'deferred', alone: true, errorCode: 'smtp_timeout' }],
  ])('has each tried alone: %s', (_, outcome) => {
    expect(apartOf(outcome)).toEqual([grace.address, katherine.address]);
  });

  it('for good counts against nobody, suppresses nobody, and has each tried at once', () => {
    const { apart, message } = told({ ...CONTENT, suppress: true });
    const again = { status: 'deferred', delayMs: 0, uncounted: true, transport: SERVER };
    expect(message).toEqual({ ...again, errorCode: 'smtp_554', reply: '554 no such words here' });
    expect(Object.values(apart)).toEqual([message, message]);
  });

  it('for now counts, and has each wait for their turn', () => {
    const { apart, message } = told({ kind: 'deferred', errorCode: 'smtp_451', reply: '451 later' });
    expect(message).toMatchObject({ status: 'deferred', delayMs: 1_000 });
    expect(Object.values(apart)).toEqual([message, message]);
  });

  it.each<[string, Answer]>([
    ['taken', TAKEN],
    ['not answered', { kind: 'unknown', errorCode: 'smtp_timeout' }],
    ['kept by a server that has a break', { kind: 'deferred', uncounted: true, errorCode: 'smtp_421', reply: '421' }],
    ['kept for its sender', { kind: 'deferred', uncounted: true, alert: true, errorCode: 'smtp_sender' }],
    ['refused for a fault of ours', { kind: 'failed', alert: true, errorCode: 'smtp_503', reply: '503 what?' }],
  ])('leaves them together: %s', (_, outcome) => {
    expect(apartOf(outcome)).toEqual([]);
  });

  it('leaves them together where no server was asked', () => {
    const email = { to: ada.address, recipients: THREE } as unknown as ClaimedEmail;
    const outcome: Answer = { kind: 'failed', errorCode: 'template_error' };
    expect(fatesOf(email, outcome, 'none', () => 'give_up')).toEqual({
      status: 'failed',
      transport: 'none',
      errorCode: 'template_error',
    });
  });

  it('is the fate of a recipient who is the only one, with a name or without', () => {
    for (const recipients of [[ada], null]) {
      const email = { to: ada.address, recipients } as unknown as ClaimedEmail;
      expect(fatesOf(email, NOBODY, SERVER, () => 'give_up')).toEqual({
        status: 'failed',
        transport: SERVER,
        errorCode: 'smtp_550',
        reply: '550 5.1.1 nobody',
        suppress: { reason: 'hard_bounce', source: SERVER },
      });
    }
  });
});

describe('recipients whom the message shows nowhere', () => {
  it('stay with those whom it shows', () => {
    expect(hiddenApart(THREE)).toEqual([]);
    expect(hiddenApart([grace, katherine])).toEqual([]);
  });

  it('go out one by one where nobody else is left', () => {
    const others = [person('mary', 'bcc'), person('joan', 'bcc')];
    expect(hiddenApart([katherine, ...others])).toEqual(
      others.map((recipient) => ({ recipient, ending: { status: 'queued' } })),
    );
    expect(hiddenApart([katherine])).toEqual([]);
  });
});
