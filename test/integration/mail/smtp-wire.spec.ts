import fc from 'fast-check';
import { SmtpTransport } from '../../../src/mail/transport/smtp.js';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import type { Outcome } from '../../../src/mail/transport/transport.js';
import { MailBuilder } from '../../../src/mail/transport/wire-form.js';
import { SEED, sized } from '../../support/faults/fault-form.js';
import { HeldTimers } from '../../support/signals/held-timers.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import {
  CLOSE,
  HANG,
  MisbehavingSmtp,
  type Misbehaviour,
  type Moment,
  type Script,
} from '../../support/smtp/misbehaving-smtp.js';
import { FORGETFUL, SmtpTrials, SOON_WELL, untilSilence } from '../../support/smtp/smtp-trials.js';
import { message, only } from '../../unit/mail/transport/message.js';

const COMMANDS = ['MAIL', 'RCPT', 'DATA', 'after the dot'] as const;
type Command = (typeof COMMANDS)[number];
const WITHOUT_A_WORD = { silence: HANG, close: CLOSE } as const;

/** What a server chooses for one command: a reply, silence or close; null: as it should be. */
type Choice = string | null;
const refusal = fc
  .tuple(
    fc.constantFrom('421', '450', '451', '452', '454', '500', '502', '503', '550', '552', '554'),
    fc.constantFrom('', '.0.0', '.1.1', '.2.2', '.3.2', '.4.2', '.4.5', '.7.1'),
    fc.constantFrom('no', 'try again in 2 seconds'),
  )
  .map(([code, enhanced, words]) => `${code}${enhanced === '' ? '' : ` ${code[0]}${enhanced}`} ${words}`);
const choice: fc.Arbitrary<Choice> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(null) },
  { weight: 5, arbitrary: refusal },
  fc.constantFrom<Choice>('silence', 'close'),
);
/** For each command, and whether the server pipelines. */
const server = fc.record({ choices: fc.tuple(choice, choice, choice, choice), pipelining: fc.boolean() });
type Server = typeof server extends fc.Arbitrary<infer One> ? One : never;

const extensionsOf = ({ pipelining }: Server): string[] => (pipelining ? ['PIPELINING'] : []);
const behaviour = (chosen: Choice): Misbehaviour | undefined =>
  chosen === null ? undefined : (WITHOUT_A_WORD[chosen as 'silence'] ?? chosen);

/** The choices hold for whatever `when` says. */
function scriptOf({ choices }: Server, when: (session: { connection: number; messages: number }) => boolean): Script {
  const entries = COMMANDS.map((moment, n): [Moment, Script[Moment]] => [
    moment,
    (_, __, session) => (when(session) ? behaviour(choices[n]!) : undefined),
  ]);
  return Object.fromEntries(entries);
}

/** The first command that does not go as it should; undefined: none. */
function firstBad({ choices }: Server): { command: Command; chosen: Exclude<Choice, null> } | undefined {
  const n = choices.findIndex((chosen) => chosen !== null);
  return n < 0 ? undefined : { command: COMMANDS[n]!, chosen: choices[n]! };
}

const TO = 'grace@example.com';
putBackAfterwards(TIMEOUTS);
let timeToReply: HeldTimers;
beforeAll(() => void (timeToReply = HeldTimers.hold()));
afterAll(() => timeToReply.letGo());

/**
 * Milliseconds. Who runs ahead is answered to other commands after the silence, and takes these answers as they come.
 */
const RAN_AHEAD_MS = { firstWordMs: 1_500, envelope: 2_000, released: 2_000 };
const PATIENCE = { ...TIMEOUTS };
/** How long it is waited for, and who ends the waiting. */
function beginToWait({ choices, pipelining }: Server, smtp: MisbehavingSmtp): void {
  const ahead = pipelining && choices.includes('silence');
  Object.assign(TIMEOUTS, ahead ? { setupMs: PATIENCE.setupMs, ...RAN_AHEAD_MS } : untilSilence(timeToReply));
  smtp.onSilence = () => (ahead ? undefined : timeToReply.runOut());
}

describe('whatever a server says to each command', () => {
  let smtp: MisbehavingSmtp;
  beforeAll(async () => {
    Object.assign(TIMEOUTS, FORGETFUL);
    smtp = await MisbehavingSmtp.start();
  });
  afterAll(() => smtp.stop());

  /** Messages one after the other over the same transport. */
  async function sent(chosen: Server, when: Parameters<typeof scriptOf>[1], messages: number): Promise<Outcome[]> {
    beginToWait(chosen, smtp);
    await smtp.startAnew(scriptOf(chosen, when), extensionsOf(chosen));
    const settings = {
      kind: 'smtp' as const,
      name: 'wire',
      host: '127.0.0.1',
      ports: [{ port: smtp.port, tls: 'off' as const }],
    };
    const transport = new SmtpTransport(settings, {
      ordinary: 4,
      builder: new MailBuilder(undefined),
      timeouts: TIMEOUTS,
      helo: 'otpost.example.com',
    });
    const outcomes: Outcome[] = [];
    for (let n = 0; n < messages; n++)
      outcomes.push(await transport.send(message(only(TO)), async () => undefined, true));
    await transport.close();
    return outcomes;
  }

  it('the outcome is what became of the message: taken once, not at all, or unknown', async () => {
    await fc.assert(
      fc.asyncProperty(server, async (chosen) => {
        const [outcome] = await sent(chosen, () => true, 1);
        if (outcome!.kind === 'sent') expect(smtp.taken).toHaveLength(1);
        else expect(smtp.taken).toHaveLength(0);
        if (outcome!.kind === 'unknown') expect(smtp.ended).toHaveLength(1);
        if (smtp.ended.length === 0) expect(['deferred', 'failed']).toContain(outcome!.kind);
        // Only a server's word about this recipient's mailbox suppresses it.
        if (outcome!.kind === 'failed' && outcome!.suppress)
          expect(firstBad(chosen)).toMatchObject({
            command: expect.stringMatching(/RCPT|DATA|dot/) as string,
            chosen: expect.stringMatching(/^550 5\.1\.1/) as string,
          });
      }),
      // Seen: what RCPT hears after a refused MAIL suppressed the address.
      {
        numRuns: sized(60, 1_000),
        examples: [[{ choices: ['452 no', '550 5.1.1 no', null, null], pipelining: true }]],
      },
    );
  });

  it('what a worn connection refuses for now, a new one takes at once; nothing is taken twice', async () => {
    await fc.assert(
      fc.asyncProperty(server, async (chosen) => {
        const outcomes = await sent(chosen, ({ connection, messages }) => connection === 1 && messages >= 1, 2);
        const bad = firstBad(chosen);
        const mayHaveBeenTaken = bad?.command === 'after the dot' && bad.chosen in WITHOUT_A_WORD;
        const definite = bad !== undefined && /^5/.test(bad.chosen) && !/^50[23]/.test(bad.chosen);
        // Who pipelines is answered several times; which of these answers counts, is judged elsewhere.
        const severalAnswers = chosen.pipelining && chosen.choices.slice(0, 3).filter((one) => one !== null).length > 1;
        expect(outcomes[0]).toMatchObject({ kind: 'sent' });
        if (mayHaveBeenTaken) expect(outcomes[1]).toMatchObject({ kind: 'unknown' });
        else if (!definite && !severalAnswers) expect(outcomes[1]).toMatchObject({ kind: 'sent' });
        else if (!severalAnswers) expect(['failed', 'deferred']).toContain(outcomes[1]!.kind);
        expect(smtp.taken).toHaveLength(outcomes.filter(({ kind }) => kind === 'sent').length);
      }),
      // Seen: an answer that was left out, and the 354 to DATA taken for a refusal of RCPT.
      { numRuns: sized(60, 1_000), examples: [[{ choices: ['silence', null, null, null], pipelining: true }]] },
    );
  });
});

describe('whatever a server says to each command, beside a second one that is well', () => {
  const WAYS = { first: (it: MisbehavingSmtp) => it.url, second: (it: MisbehavingSmtp) => it.url };
  let trials: SmtpTrials<keyof typeof WAYS>;
  beforeAll(async () => {
    Object.assign(TIMEOUTS, SOON_WELL);
    trials = await SmtpTrials.start(WAYS);
  });
  afterAll(() => trials.stop());

  it('a code is taken once, or its outcome is known to be unknown, or it is refused for good', async () => {
    for (const chosen of fc.sample(server, { numRuns: sized(25, 200), seed: SEED })) {
      beginToWait(chosen, trials.servers.first);
      const first = await trials.begin(
        ['first', 'second'],
        scriptOf(chosen, () => true),
        extensionsOf(chosen),
      );
      const to = await trials.register();
      const status = await eventually(
        async () => {
          const [row] = await trials.otpost.database.query<{ status: string }>(
            'SELECT status FROM outbound_emails WHERE to_address = $1',
            [to],
          );
          if (row!.status === 'deferred') await trials.wakeOnceDue(to);
          return ['sent', 'failed', 'unknown'].includes(row!.status) && row!.status;
        },
        `an end for ${JSON.stringify(chosen)}`,
      );
      const taken = [...first.taken, ...trials.servers.second.taken];
      expect([chosen, status, taken]).toEqual([chosen, status, status === 'sent' ? [to] : []]);
      if (status === 'unknown') expect(first.ended).toEqual([to]);
      // Whose fault it was decides: only a word about the mailbox or the message itself ends it without the second
      // server.
      if (status === 'failed') expect(firstBad(chosen)!.chosen).toMatch(/^5/);
    }
  });
});
