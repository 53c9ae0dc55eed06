import fc from 'fast-check';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { sized } from '../../support/faults/fault-form.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { type EmailBody, MailToSeveral } from '../../support/smtp/mail-to-several.js';
import { CLOSE, HANG, type Misbehaviour, type Script } from '../../support/smtp/misbehaving-smtp.js';
import { SmtpTrials, SOON_WELL } from '../../support/smtp/smtp-trials.js';

putBackAfterwards(TIMEOUTS);

const NOBODY = '550 5.1.1 nobody here';
const RCPT_ANSWERS = [
  '250 2.1.5 ok',
  NOBODY,
  '550 5.2.1 disabled',
  '451 4.3.0 later',
  '452 4.2.2 full',
  '421 4.3.2 not now',
  CLOSE,
];
const DOT_ANSWERS = [
  '250 2.0.0 taken',
  '451 4.3.0 later',
  '554 5.6.0 no such words',
  '550 5.7.1 by policy',
  '421 4.3.2 not now',
  CLOSE,
];
/** Milliseconds. Several messages are under way at once, and only one of them is to hang. */
const SILENT_FOR_MS = 3_000;
/** Each costs its time-out. */
const SILENCE = fc.constant<Misbehaviour>(HANG);
const anyOf = (answers: readonly Misbehaviour[]): fc.Arbitrary<Misbehaviour> =>
  fc.oneof({ weight: 40, arbitrary: fc.constantFrom(...answers) }, { weight: 1, arbitrary: SILENCE });

interface Fate {
  kind: 'to' | 'cc' | 'bcc';
  /** To the first attempts; from then on they are taken. */
  rcpt: Misbehaviour[];
  isSuppressed: boolean;
}

const FATE: fc.Arbitrary<Fate> = fc.record({
  kind: fc.constantFrom('to', 'cc', 'bcc'),
  rcpt: fc.array(anyOf(RCPT_ANSWERS), { maxLength: 3 }),
  isSuppressed: fc.nat(4).map((n) => n === 0),
});
const STORY = fc.record({
  lane: fc.constantFrom('default', 'bulk'),
  fates: fc.array(FATE, { minLength: 2, maxLength: 5 }),
  /** To the first messages whose end arrives. */
  dots: fc.array(anyOf(DOT_ANSWERS), { maxLength: 4 }),
});

describe('a message to several', () => {
  let trials: SmtpTrials<'server'>;
  let mail: MailToSeveral;

  beforeAll(async () => {
    Object.assign(TIMEOUTS, SOON_WELL, {
      firstWordMs: SILENT_FOR_MS,
      envelope: SILENT_FOR_MS,
      released: SILENT_FOR_MS,
    });
    trials = await SmtpTrials.start({ server: (server) => server.url });
    mail = await MailToSeveral.of(trials.otpost);
  });
  afterAll(async () => {
    await mail.close();
    await trials.stop();
  });

  /** What the server says, and what it said to each at RCPT. */
  function scripted(fates: ReadonlyMap<string, Fate>, dots: readonly Misbehaviour[]) {
    const told = new Map([...fates.keys()].map((address) => [address, [] as Misbehaviour[]]));
    const left = [...dots];
    const script: Script = {
      RCPT: (_time, _line, { to }) => {
        const answer = fates.get(to)?.rcpt[told.get(to)!.length] ?? '250 2.1.5 ok';
        told.get(to)?.push(answer);
        return answer;
      },
      'after the dot': () => left.shift(),
    };
    return { script, told };
  }

  /** Whatever waits is made due, until nothing does. */
  async function over(id: string, lane: 'default' | 'bulk'): Promise<EmailBody> {
    return eventually(async () => {
      const email = await mail.look(id);
      if (email.recipients.every(({ status }) => !['queued', 'sending', 'deferred'].includes(status))) return email;
      if (email.recipients.some(({ status }) => status === 'deferred')) await mail.dueNow(id, lane);
      return undefined;
    }, 'the message to be over for everybody');
  }

  it('loses none of them, gives it to none twice unless it says so, and tells of each what befell them', async () => {
    await fc.assert(
      fc.asyncProperty(STORY, async ({ lane, fates: given, dots }) => {
        const server = trials.servers.server;
        const addresses = mail.newPeople(...given.map((_, n) => `person${n}of`));
        // Somebody has to be shown.
        const fates = new Map(
          given.map((fate, n) => [addresses[n]!, n === 0 ? { ...fate, kind: 'to' as const } : fate]),
        );
        const of = (kind: Fate['kind']): string[] => addresses.filter((one) => fates.get(one)!.kind === kind);
        for (const [address, { isSuppressed }] of fates) if (isSuppressed) await mail.suppress(address);
        const { script, told } = scripted(fates, dots);
        server.script = script;
        const id = await mail.send({ to: of('to'), cc: of('cc'), bcc: of('bcc'), lane });
        const email = await over(id, lane);
        const suppressed = await mail.suppressed();

        expect(email.recipients.map(({ address }) => address).sort()).toEqual([...addresses].sort());
        for (const { address, status, emailId, kind } of email.recipients) {
          const fate = fates.get(address)!;
          const sent = server.transfers.filter(({ recipients }) => recipients.includes(address));
          const [taken, silent] = [/^2/, /^$/].map(
            (pattern) => sent.filter(({ answer }) => pattern.test(answer)).length,
          ) as [number, number];
          const refusals = [...told.get(address)!, ...sent.map(({ answer }) => answer)];
          const { messageId, possibleDuplicate } = await mail.look(emailId);
          const about = { address, status, kind, messageId };

          expect({ ...about, taken }).toEqual({
            ...about,
            kind: fate.kind,
            messageId: email.messageId,
            taken: status === 'sent' ? 1 : 0,
          });
          // A second copy is only sent where nobody knows of the first, once, and says so.
          expect({ ...about, silent }).toEqual({ ...about, silent: silent > 1 ? (lane === 'bulk' ? 1 : 2) : silent });
          if (taken + silent > 1)
            expect({ ...about, possibleDuplicate }).toEqual({ ...about, possibleDuplicate: true });
          expect([...(status === 'unknown' ? [silent > 0] : []), status === 'suppressed']).toEqual([
            ...(status === 'unknown' ? [true] : []),
            fate.isSuppressed,
          ]);
          if (status === 'suppressed') expect(refusals).toEqual([]);
          if (status === 'failed') expect(refusals).toContainEqual(expect.stringMatching(/^5/));
          expect({ ...about, reason: suppressed[address] }).toEqual({
            ...about,
            reason: told.get(address)!.at(-1) === NOBODY && status === 'failed' ? 'hard_bounce' : undefined,
          });
        }
        for (const { source } of server.transfers.slice(-1)) expect(source).not.toMatch(/^bcc:/im);
        expect(await mail.imbalance()).toBe(0);
      }),
      { numRuns: sized(25, 1_000) },
    );
  });
});
