import { hostname } from 'node:os';
import { type Timeouts, TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { createApiKey } from '../service/api-key.js';
import { type Otpost, startOtpost } from '../service/otpost.js';
import type { HeldTimers } from '../signals/held-timers.js';
import { eventually } from '../signals/wait.js';
import { wakeOnceDue, wakeWorkers } from '../signals/wake.js';
import { MisbehavingSmtp, type Script } from './misbehaving-smtp.js';

export interface Ended {
  status: string;
  error_code: string;
  /** Attempts that count, after this one. */
  attempt: number;
  transport: string;
}

export interface State {
  name: string;
  paused: boolean;
  pause_reason: string | null;
  failures: number;
  closed: boolean;
}

/** What servers taught is looked up anew each time, and a refused login is remembered for no case that follows. */
export const FORGETFUL = { loginAgainMs: 0, statesMs: 0 };
/** The same, and breaks are over within a second. */
export const SOON_WELL = { ...FORGETFUL, probeEveryMs: 1_000, longestBackoffMs: 1_000 };

/** How long a server has for its replies: until it is silent where one is due. See `SmtpTrials.runOutAtSilence`. */
export function untilSilence({ ms }: HeldTimers): Partial<Timeouts> {
  const setupMs = ms - TIMEOUTS.connectMs - TIMEOUTS.greetingMs; // these two are added to it
  return { setupMs, firstWordMs: ms, envelope: ms, released: ms };
}

/**
 * One service with many ways out, for many cases: each begins as if nothing had been before, and says which of the ways
 * are open. A way has a server of its own, for the name of a transport is that of its host and port.
 */
export class SmtpTrials<Way extends string> {
  private people = 0;
  private key: Promise<string> | undefined;

  private constructor(
    readonly otpost: Otpost,
    readonly servers: Record<Way, MisbehavingSmtp>,
    /** What the ways are called in the record. */
    readonly names: Record<Way, string>,
  ) {}

  /** @param ways the URL of each, in order of preference */
  static async start<Way extends string>(
    ways: Record<Way, (server: MisbehavingSmtp) => string>,
  ): Promise<SmtpTrials<Way>> {
    const servers = {} as Record<Way, MisbehavingSmtp>;
    const names = {} as Record<Way, string>;
    const urls: string[] = [];
    for (const [way, urlOf] of Object.entries(ways) as [Way, (server: MisbehavingSmtp) => string][]) {
      servers[way] = await MisbehavingSmtp.start();
      const url = urlOf(servers[way]);
      names[way] = new URL(url).host;
      urls.push(url);
    }
    return new SmtpTrials(await startOtpost({ MAIL_TRANSPORTS: urls.join(',') }), servers, names);
  }

  async stop(): Promise<void> {
    await this.otpost.stop();
    await Promise.all(Object.values<MisbehavingSmtp>(this.servers).map((server) => server.stop()));
  }

  /**
   * Removes what the case before left: mail that would be tried again, connections, troubles, suppressions. From now on
   * only these ways are open, the others are having a long break; the server of the first one goes by the script.
   */
  async begin(
    [way, ...others]: readonly [Way, ...Way[]],
    script: Script,
    extensions: readonly string[] = [],
  ): Promise<MisbehavingSmtp> {
    const { database } = this.otpost;
    await eventually(async () => {
      // An attempt that is under way may still teach something of its transport.
      await database.query(`DELETE FROM outbound_emails WHERE status <> 'sending'`);
      return (await database.query('SELECT FROM outbound_emails')).length === 0;
    }, 'the mail of the case before to be over');
    await Promise.all(Object.values<MisbehavingSmtp>(this.servers).map((server) => server.startAnew()));
    await this.servers[way].startAnew(script, extensions);
    await database.query('DELETE FROM suppressions');
    await database.query('DELETE FROM transport_hosts');
    await database.query(
      `UPDATE transport_states SET paused_at = NULL, pause_reason = NULL, trial_until = NULL,
         failures = CASE WHEN name = ANY($1) THEN 0 ELSE 1 END, backoff_until = CASE WHEN name = ANY($1) THEN NULL ELSE now() + interval '1 hour' END`,
      [[way, ...others].map((one) => this.names[one])],
    );
    return this.servers[way];
  }

  /**
   * A message at a time: what another one waits for would run out too. Not for a greeting or a handshake, for a server
   * does not know when they begin to be waited for.
   */
  runOutAtSilence(time: HeldTimers): void {
    for (const server of Object.values<MisbehavingSmtp>(this.servers))
      server.onSilence = (at) => (at === 'greeting' || at === 'handshake' ? undefined : time.runOut());
  }

  /** An address that no case had before. */
  newAddress(): string {
    return `grace${++this.people}@example.com`;
  }

  /** Asks for a code; for an address that no case had before unless one is given. */
  async register(to = this.newAddress()): Promise<string> {
    await this.otpost.api.register(to);
    return to;
  }

  /** Ordinary mail of a back end. */
  async send(lane: 'default' | 'bulk', to = this.newAddress()): Promise<string> {
    const { status, body } = await this.otpost.api.post(
      '/v1/emails',
      { to, lane, subject: 'Hello', text: 'Hello' },
      { authorization: `Bearer ${await this.apiKey()}` },
    );
    if (status !== 202) throw new Error(`the mail was not accepted: ${JSON.stringify(body)}`);
    return to;
  }

  /** Due codes are sent, without a wait for the timer. */
  async wake(): Promise<void> {
    await wakeWorkers(this.otpost, await this.apiKey());
  }

  async wakeOnceDue(...to: string[]): Promise<void> {
    await wakeOnceDue(this.otpost, await this.apiKey(), ...to);
  }

  /** How the first attempts for an address ended, oldest first, once there are so many. */
  async endings(to: string, count = 1): Promise<Ended[]> {
    return eventually(async () => {
      const ended = await this.otpost.database.query<Ended>(
        `SELECT e.status, e.error_code, e.attempt, e.transport FROM email_events e JOIN outbound_emails m ON m.id = e.email_id
         WHERE m.to_address = $1 AND e.status NOT IN ('queued', 'sending') ORDER BY e.id`,
        [to],
      );
      return ended.length >= count && ended.slice(0, count);
    }, `${count} ended attempt(s) for ${to}`);
  }

  /** What all workers know of a way. */
  async stateOf(way: Way): Promise<State> {
    const [state] = await this.otpost.database.query<State>(
      `SELECT name, paused_at IS NOT NULL AS paused, pause_reason, failures, coalesce(backoff_until > now(), false) AS closed
       FROM transport_states WHERE name = $1`,
      [this.names[way]],
    );
    return state!;
  }

  /** Of which ways this host alone feels a trouble. */
  async feltHere(): Promise<State[]> {
    return this.otpost.database.query<State>(
      `SELECT name, paused_at IS NOT NULL AS paused, pause_reason, failures, coalesce(backoff_until > now(), false) AS closed
       FROM transport_hosts WHERE host = $1 ORDER BY name`,
      [hostname()],
    );
  }

  async suppressions(): Promise<object[]> {
    return this.otpost.database.query('SELECT address_canonical, reason, source FROM suppressions');
  }

  private apiKey(): Promise<string> {
    return (this.key ??= createApiKey(this.otpost.database.url));
  }
}
