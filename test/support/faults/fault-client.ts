import type { Api } from '../service/api.js';

/** Milliseconds that a request may take before the client gives up on it. */
const GIVES_UP_MS = 20_000;

interface Load {
  /** Where to send to; requests go to each in turn. */
  to: readonly Api[];
  /** Names the messages of a case. */
  prefix: string;
  /** How many, or until when. */
  until: number | (() => boolean);
  /** Requests at a time. */
  sideBySide?: number;
  /** Of /v1/emails; every tenth message is a code for a new account instead, in the critical lane. */
  lane?: 'critical' | 'default' | 'bulk';
  codes?: boolean;
  /** Before each request of each sender, milliseconds. */
  pauseMs?: number;
}

/** A back end that sends mail, each message to a recipient of its own, and remembers what it was promised. */
export class FaultClient {
  /** Recipients of the requests that were answered 2xx. */
  readonly accepted = new Set<string>();
  /** Of those without a 2xx, the refused ones included: the message may or may not have been accepted. */
  readonly unanswered = new Set<string>();
  /** How often each status other than 2xx came. */
  readonly refused = new Map<number, number>();
  /** By recipient, milliseconds until the 2xx. */
  readonly took = new Map<string, number>();
  private number = 0;

  constructor(readonly key: string) {}

  /** Answers the recipients it tried. */
  async send(load: Load): Promise<string[]> {
    const tried: string[] = [];
    const { until } = load;
    const more = (): boolean => (typeof until === 'number' ? tried.length < until : !until());
    const sender = async (): Promise<void> => {
      while (more()) {
        const to = `${load.prefix}-${++this.number}@example.com`;
        tried.push(to);
        await this.one(load.to[this.number % load.to.length]!, to, load);
        if (load.pauseMs) await new Promise((resolve) => setTimeout(resolve, load.pauseMs));
      }
    };
    await Promise.all(Array.from({ length: load.sideBySide ?? 8 }, sender));
    return tried;
  }

  /** 95 of 100 requests with these recipients were answered 2xx within so many milliseconds. */
  p95(recipients: readonly string[]): number {
    const times = recipients.map((to) => this.took.get(to)).filter((ms) => ms !== undefined);
    return times.sort((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1] ?? Number.POSITIVE_INFINITY;
  }

  private async one(api: Api, to: string, { lane = 'default', codes = false }: Load): Promise<void> {
    const code = codes && this.number % 10 === 0;
    const body = code ? { email: to } : { to, subject: 'Fault', text: `For ${to}`, lane };
    const started = performance.now();
    let status: number;
    try {
      const response = await fetch(`${api.url}${code ? '/v1/accounts' : '/v1/emails'}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(code ? {} : { authorization: `Bearer ${this.key}` }) },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(GIVES_UP_MS),
      });
      await response.arrayBuffer();
      status = response.status;
    } catch {
      this.unanswered.add(to); // the connection broke, or nobody was there: counted, and judged in the end
      return;
    }
    if (status >= 200 && status < 300) {
      this.accepted.add(to);
      this.took.set(to, performance.now() - started);
    } else {
      this.unanswered.add(to);
      this.refused.set(status, (this.refused.get(status) ?? 0) + 1);
    }
  }
}
