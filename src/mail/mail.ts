import { Injectable } from '@nestjs/common';
import { productOf, Settings } from '../config/settings.js';
import { besideUuidv7, uuidv7 } from '../core/ids.js';
import { Keyring } from '../core/keyring.js';
import { channelOf, type Lane } from '../core/lanes.js';
import { passing } from '../core/milestones.js';
import { during, type Span, Tracing } from '../core/tracing.js';
import type { CompanionRow } from '../database/companion-rows.js';
import { DatabaseClock } from '../database/database-clock.js';
import type { UnitOfWork } from '../database/prisma.service.js';
import { sealContext } from '../database/resealing.js';
import { MailQueue } from '../queue/mail-queue.js';
import {
  type AttachedFile,
  type Fields,
  filesOf,
  type KeptMime,
  SEALED_CONTENT,
  SEALED_SHARED_CONTENT,
  type SharedContent,
} from './content/stored-content.js';
import { type ArrivalFate, Arrivals } from './outbox/arrivals.js';
import { Transitions } from './outbox/changes.js';
import {
  CONTENT_ELSEWHERE,
  MOST_IN_ENVELOPE,
  type NewEmail,
  type Recipient,
  recipientsOf,
} from './outbox/email-rows.js';
import type { KeptAnswer } from './outbox/insert-statement.js';
import { messageIdFor, writeMailbox } from './transport/mailbox.js';

type DraftContent =
  /** `secret`: the variables hold a code and are erased at hand-over. */
  | { kind: 'template'; template: string; variables: Record<string, unknown>; secret: boolean }
  | ({ kind: 'raw' } & Fields)
  /** Composed by its sender. `file`: where its bytes stand, for a large one. */
  | ({ kind: 'mime'; file?: { fileId: string; size: number } } & GivenMime);

/** A message that its sender composed. It goes out as it is where the transport takes MIME. */
export interface GivenMime {
  /** RFC 5322, lines end with CRLF; without Bcc, and with Date and Message-ID. At most 25 MB. */
  bytes: Buffer;
  /** As it stands in `bytes`, with its angle brackets. */
  messageId: string;
  /** Decoded, one line; for lists alone. */
  subject: string;
  /** MAIL FROM of the envelope, where it is another than the sender. Empty: the null path (RFC 5321 §4.5.5). */
  returnPath?: string;
}

/** A message to be accepted. */
export interface Draft {
  lane: Lane;
  /**
   * The stored form of an address, in the lane of SMS a number in E.164; or all whom it is for; those beyond {@link
   * MOST_IN_ENVELOPE} get rows of their own.
   */
  to: string | readonly Recipient[];
  /** In place of MAIL_FROM, such as `Ada <ada@example.com>`. Whether the caller may, they have been asked before. */
  from?: string;
  replyTo?: readonly string[];
  /** Sealed before it reaches Postgres. */
  content: DraftContent;
  headers?: Readonly<Record<string, string>>;
  attachments?: readonly AttachedFile[];
  /** Whether it carries a way to leave; bulk mail does. */
  unsubscribe?: boolean;
  locale: string;
  scheduledAt?: Date;
  expiresAt?: Date;
  /**
   * Milliseconds from now on after which it is not worth sending, for what lives by a Clock: `expiresAt` is a time of
   * Postgres.
   */
  livesMs?: number;
  maxAttempts: number;
  /** Copies with the same key that have not started are cancelled. */
  supersedeKey?: string;
  tags?: readonly string[];
  metadata?: Readonly<Record<string, string>>;
  apiKeyId?: string;
  /** Follows the message into the worker's log. */
  requestId?: string;
}

export interface Accepted {
  id: string;
  status: 'queued' | 'scheduled';
}

/** What `prepare` makes of drafts. */
export interface Prepared {
  readonly accepted: readonly Accepted[];
  /** @param kept the answer to keep with them, unless there is one under its key */
  readonly commit: (kept?: KeptAnswer) => Promise<ArrivalFate>;
}

/** The way in: once the caller's transaction holds, the message is in the outbox and a worker is woken. */
@Injectable()
export class Mail {
  constructor(
    private readonly settings: Settings,
    private readonly clock: DatabaseClock,
    private readonly keyring: Keyring,
    private readonly arrivals: Arrivals,
    private readonly transitions: Transitions,
    private readonly queue: MailQueue,
    private readonly tracing: Tracing,
  ) {}

  /** In the caller's transaction. */
  async accept(draft: Draft, unit: UnitOfWork): Promise<Accepted> {
    if (draft.supersedeKey) await this.transitions.supersede(draft.supersedeKey, unit);
    const { accepted, rows, spans, lanes } = this.prepared([draft]);
    await during(spans, () => this.arrivals.insert(rows, unit));
    unit.afterCommit(() => this.tell(lanes));
    return accepted[0]!;
  }

  /**
   * What is to be accepted in a commit of its own, which it shares with what others accept at that moment. Answers in
   * the order of the drafts what they are once `commit` came to `accepted`; until then they are nothing.
   * @param along what else belongs to the commit
   */
  prepare(
    drafts: readonly Draft[],
    along: (accepted: readonly Accepted[]) => readonly CompanionRow[] = () => [],
  ): Prepared {
    const { accepted, rows, spans, lanes } = this.prepared(drafts);
    const commit = async (kept?: KeptAnswer): Promise<ArrivalFate> => {
      const fate = await during(spans, () =>
        this.arrivals.arrive({ emails: rows, companions: along(accepted), ...(kept ? { kept } : {}) }),
      );
      if (fate === 'accepted') this.tell(lanes);
      return fate;
    };
    return { accepted, commit };
  }

  private prepared(drafts: readonly Draft[]): {
    accepted: Accepted[];
    rows: NewEmail[];
    spans: Span[];
    lanes: Set<Lane>;
  } {
    const now = this.clock.now();
    const taken = drafts.map((draft) => {
      const id = uuidv7(now);
      const facts = { 'messaging.destination.name': draft.lane, 'messaging.message.id': id };
      return { id, draft, span: this.tracing.current.child(`accept ${draft.lane}`, 'producer', facts) };
    });
    return {
      accepted: taken.map(({ id, draft }) => ({ id, status: draft.scheduledAt ? 'scheduled' : 'queued' })),
      rows: taken.flatMap(({ id, draft, span }) => this.rowsOf(id, draft, span)),
      spans: taken.map(({ span }) => span),
      lanes: new Set(drafts.flatMap(({ lane, scheduledAt }) => (scheduledAt ? [] : [lane]))),
    };
  }

  /** Once it is committed. */
  private tell(lanes: ReadonlySet<Lane>): void {
    if (lanes.size > 0) passing('accepted');
    for (const lane of lanes) this.queue.wake(lane);
  }

  /** Copies under a key that have not started are not sent. */
  async withdraw(supersedeKey: string, unit: UnitOfWork): Promise<void> {
    await this.transitions.supersede(supersedeKey, unit, 'withdrawn');
  }

  /**
   * One, unless its recipients are more than an envelope has: the first is the message then, and the others share its
   * content.
   */
  private rowsOf(id: string, draft: Draft, span: Span): NewEmail[] {
    const whole = this.rowOf(id, draft, span);
    const recipients = recipientsIn(draft.to);
    if (recipients.length <= MOST_IN_ENVELOPE) return [whole];
    const [first, ...others] = envelopesOf(recipients);
    return [
      { ...whole, ...addressed(first!) },
      ...others.map((some): NewEmail => {
        const own = besideUuidv7(id);
        const messageId = draft.content.kind === 'mime' ? whole.messageId : messageIdFor(own, whole.from);
        return { ...whole, ...addressed(some), id: own, messageId, content: null, partOf: id };
      }),
    ];
  }

  private rowOf(id: string, draft: Draft, { traceparent }: Span): NewEmail {
    const recipients = recipientsIn(draft.to);
    const sender = draft.from ?? writeMailbox(this.settings.mail.from);
    // Each transport of SMS has a sender of its own.
    const from = channelOf(draft.lane) === 'sms' ? productOf(this.settings) : sender;
    const { content } = draft;
    return {
      id,
      lane: draft.lane,
      from,
      ...addressed(recipients),
      partOf: null,
      replyTo: draft.replyTo?.length === 1 ? draft.replyTo[0]! : null,
      template: content.kind === 'template' ? content.template : null,
      locale: draft.locale,
      ...this.sealed(id, draft, recipients),
      secret: content.kind === 'template' && content.secret,
      subject: content.kind === 'template' ? null : content.subject,
      tags: draft.tags ?? [],
      metadata: draft.metadata ?? null,
      maxAttempts: draft.maxAttempts,
      scheduledAt: draft.scheduledAt ?? null,
      expiresAt: draft.expiresAt ?? null,
      livesMs: draft.livesMs ?? null,
      supersedeKey: draft.supersedeKey ?? null,
      messageId: content.kind === 'mime' ? content.messageId : messageIdFor(id, sender),
      apiKeyId: draft.apiKeyId ?? null,
      requestId: draft.requestId ?? null,
      traceparent: traceparent ?? null,
    };
  }

  /** Most messages keep their words in their row. What rows may come to share, and what names files, stands apart. */
  private sealed(
    id: string,
    draft: Draft,
    recipients: readonly Recipient[],
  ): Pick<NewEmail, 'sealedVariables' | 'sealKeyId' | 'content'> {
    const words = wordsOf(draft.content);
    const { headers = {}, attachments = [], replyTo = [], unsubscribe } = draft;
    const mime = keptMimeOf(draft.content);
    const isPlain =
      mime === undefined &&
      isBare(recipients) &&
      attachments.length === 0 &&
      replyTo.length <= 1 &&
      unsubscribe === undefined &&
      Object.keys(headers).length === 0;
    if (isPlain) {
      const { bytes, keyId } = this.keyring.seal(JSON.stringify(words), sealContext(SEALED_CONTENT, id));
      return { sealedVariables: bytes, sealKeyId: keyId, content: null };
    }
    const shown = (kind: Recipient['kind']): string[] =>
      recipients.filter((recipient) => recipient.kind === kind).map(writeMailbox);
    const shared: SharedContent = {
      ...{ words, to: shown('to'), cc: shown('cc'), replyTo: [...replyTo] },
      ...{ headers: { ...headers }, attachments: [...attachments] },
      ...(unsubscribe === undefined ? {} : { unsubscribe }),
      ...(mime === undefined ? {} : { mime }),
    };
    const { bytes, keyId } = this.keyring.seal(JSON.stringify(shared), sealContext(SEALED_SHARED_CONTENT, id));
    const files = filesOf({ attachments, ...(mime && { mime }) }).map(({ fileId }) => fileId);
    const content = { id, sealed: bytes, sealKeyId: keyId, files };
    return { sealedVariables: CONTENT_ELSEWHERE, sealKeyId: keyId, content };
  }
}

function recipientsIn(to: Draft['to']): readonly Recipient[] {
  return typeof to === 'string' ? recipientsOf({ to, recipients: null }) : to;
}

function envelopesOf(recipients: readonly Recipient[]): Recipient[][] {
  const count = Math.ceil(recipients.length / MOST_IN_ENVELOPE);
  return Array.from({ length: count }, (_, n) => recipients.slice(n * MOST_IN_ENVELOPE, (n + 1) * MOST_IN_ENVELOPE));
}

function addressed(recipients: readonly Recipient[]): Pick<NewEmail, 'to' | 'toCanonical' | 'recipients'> {
  const [first, ...others] = recipients;
  return {
    to: first!.address,
    toCanonical: others.length === 0 ? first!.canonical : '',
    recipients: isBare(recipients) ? null : recipients,
  };
}

/** One address and nothing else. */
function isBare(recipients: readonly Recipient[]): boolean {
  const [first, ...others] = recipients;
  return others.length === 0 && first!.kind === 'to' && first!.name === '';
}

function keptMimeOf(content: DraftContent): KeptMime | undefined {
  if (content.kind !== 'mime') return undefined;
  const { subject, returnPath, file, bytes } = content;
  return { subject, ...(returnPath === undefined ? {} : { returnPath }), source: file ?? bytes.toString('base64') };
}

function wordsOf(content: DraftContent): SharedContent['words'] {
  if (content.kind === 'template') return content.variables;
  if (content.kind === 'mime') return {};
  const { subject, text, html } = content;
  return { subject, ...(text === undefined ? {} : { text }), ...(html === undefined ? {} : { html }) };
}
