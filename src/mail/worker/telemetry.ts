import { Injectable } from '@nestjs/common';
import { Logger } from '../../core/logger.js';
import { quote } from '../../core/mask.js';
import { DeliveryMetrics } from '../../core/metrics.js';
import { passing } from '../../core/milestones.js';
import { during, type Span, type SpanAttributes, Tracing } from '../../core/tracing.js';
import { DatabaseClock } from '../../database/database-clock.js';
import type { ClaimedEmail, Ending } from '../outbox/email-rows.js';
import { causeOf } from '../routing/causes.js';
import type { Outcome } from '../transport/transport.js';

/** What happens to a claimed message, in this order, and what is known of it then. */
interface DeliveryEvents {
  /** Something of ours broke. `offered`: whether the last byte may be out of our hands. */
  broke: { error: unknown; offered: boolean };
  /** The offer was refused: another worker owns the message, or it expired. The delivery is over. */
  withdrawn: object;
  /** What became of the attempt is known in this process alone. */
  answered: { ending: Ending };
  /** Postgres did not take the ending yet. */
  unrecorded: { error: unknown };
  /** Postgres has judged the ending. `owned`: it took it. `alert`: an operator has to look. */
  recorded: { ending: Ending; owned: boolean; alert: boolean };
  /** The same for a decision that follows the ending of the attempt, and took no time. */
  decided: { ending: Ending; owned: boolean };
}

type Listener = {
  [Event in keyof DeliveryEvents]?: (
    facts: DeliveryEvents[Event],
    email: ClaimedEmail,
    delivery: DeliveryTrail,
  ) => void;
};

/** One delivery. Its steps are told here once, and logs, metrics, spans and milestones make of them what they need. */
export class DeliveryTrail {
  private readonly started = performance.now();

  constructor(
    private readonly email: ClaimedEmail,
    readonly span: Span,
    private readonly listeners: readonly Listener[],
  ) {}

  /** Milliseconds since the delivery began. */
  get ms(): number {
    return performance.now() - this.started;
  }

  tell<Event extends keyof DeliveryEvents>(event: Event, facts: DeliveryEvents[Event]): void {
    for (const listener of this.listeners) listener[event]?.(facts, this.email, this);
  }

  /** A step that takes time. */
  step<T>(name: 'compose' | 'offer' | 'record', work: () => Promise<T>): Promise<T> {
    return during(this.span.child(name, 'internal'), work);
  }

  /** The attempt of one transport. Its span ends as failed unless the message was taken. */
  sending(transport: string, send: () => Promise<Outcome>): Promise<Outcome> {
    const span = this.span.child(`send by ${transport}`, 'client', { 'otpost.transport': transport });
    return during(span, async () => {
      const outcome = await send();
      span.note(codesOf(outcome));
      if (outcome.kind !== 'sent') span.end('errorCode' in outcome ? outcome.errorCode : outcome.kind);
      return outcome;
    });
  }
}

/**
 * What a worker tells of its deliveries: the one place where the log, the metrics, the traces and the fault tests
 * listen.
 */
@Injectable()
export class DeliveryTelemetry {
  private readonly listeners: readonly Listener[];

  constructor(
    log: Logger,
    metrics: DeliveryMetrics,
    clock: DatabaseClock,
    private readonly tracing: Tracing,
  ) {
    this.listeners = [milestones, spans, logs(log), counts(metrics, clock), alerts(log)];
  }

  /** Runs `work` as the delivery of one message. */
  async follow(email: ClaimedEmail, work: (trail: DeliveryTrail) => Promise<void>): Promise<void> {
    const span = this.tracing.start(`deliver ${email.lane}`, 'consumer', factsOf(email), email.traceparent);
    await during(span, () => work(new DeliveryTrail(email, span, this.listeners)));
  }
}

const milestones: Listener = { answered: () => passing('answered') };

const spans: Listener = {
  withdrawn: (_, _email, { span }) => span.note({ 'otpost.status': 'withdrawn' }),
  answered: ({ ending }, _email, { span }) =>
    span.note({
      'otpost.status': ending.status,
      'otpost.transport': ending.transport,
      'otpost.error_code': ending.errorCode,
    }),
};

const logs = (log: Logger): Listener => ({
  broke: ({ error, offered }, { id: emailId, requestId }) =>
    log.error(
      { err: error, emailId, requestId },
      offered
        ? 'a transport broke after the offer; whether it handed the message over is not known'
        : 'the message could not be composed',
    ),
  withdrawn: (_, { id: emailId, requestId }) =>
    log.warn({ emailId, requestId }, 'the offer was refused; nothing was handed over'),
  unrecorded: ({ error }, { id: emailId }) =>
    log.error({ err: error, emailId }, 'the outcome could not be recorded yet'),
  recorded: (facts, email, { ms }) => logEnding(log, facts, email, ms),
  decided: (facts, email) => logEnding(log, facts, email, 0),
});

/** Replies stay in the timeline: they quote addresses, which are not for the log. */
function logEnding(log: Logger, { ending, owned }: DeliveryEvents['decided'], email: ClaimedEmail, ms: number): void {
  const { id: emailId, requestId, lane, template, attempt } = email;
  const { status, transport, errorCode, delayMs } = ending;
  const message = { emailId, requestId, lane, template, attempt };
  const facts = { ...message, status, transport, errorCode, delayMs, ms: Math.round(ms) };
  if (!owned) log.warn(facts, 'another worker owns the message by now; this outcome was not recorded');
  else if (status === 'sent') log.info(facts, 'message handed over');
  else log.warn(facts, 'message not handed over');
}

const counts = (metrics: DeliveryMetrics, clock: DatabaseClock): Listener => {
  const count = ({ ending, owned }: DeliveryEvents['decided'], email: ClaimedEmail): void => {
    const { transport, status } = ending;
    if (!owned || transport === undefined) return;
    const due = Math.max(email.createdAt.getTime(), email.scheduledAt?.getTime() ?? 0);
    metrics.observe({ lane: email.lane, transport, status, seconds: (clock.now().getTime() - due) / 1_000 });
  };
  return { recorded: count, decided: count };
};

/** A fault of the sender or ours, for an operator. */
const alerts = (log: Logger): Listener => ({
  recorded: ({ ending, alert }, { id: emailId, requestId }) => {
    if (!alert) return;
    const { transport = 'none', errorCode = 'unknown', reply, status } = ending;
    const { cause, remedy } = causeOf(transport, { errorCode, reply: reply === undefined ? null : quote(reply) });
    log.error(
      { emailId, requestId, transport, errorCode, status },
      `${cause} That is no fault of the recipient. ${remedy}`,
    );
  },
});

function factsOf({ id, lane, template, attempt, requestId }: ClaimedEmail): SpanAttributes {
  return {
    'messaging.destination.name': lane,
    'messaging.message.id': id,
    'otpost.attempt': attempt,
    'otpost.template': template ?? undefined,
    'otpost.request_id': requestId ?? undefined,
  };
}

/**
 * Of the server's words only their codes, for the rest quotes addresses: `250 2.0.0 …` (RFC 5321 §4.2.1, RFC 3463 §2),
 * or the status of an HTTP answer.
 */
function codesOf(outcome: Outcome): SpanAttributes {
  const reply = 'reply' in outcome ? outcome.reply : undefined;
  const [, code, enhanced] = /^(\d{3})(?:[ -]([245]\.\d{1,3}\.\d{1,3})\b)?/.exec(reply ?? '') ?? [];
  return {
    'otpost.outcome': outcome.kind,
    'otpost.reply_code': code === undefined ? undefined : Number(code),
    'otpost.reply_enhanced_code': enhanced,
  };
}
