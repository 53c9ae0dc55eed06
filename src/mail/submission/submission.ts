import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { UUID } from '../../core/ids.js';
import { type FieldError, Problem } from '../../core/problems.js';
import { refusalOf, TooManyFaults } from '../../core/validation.js';
import { DatabaseClock } from '../../database/database-clock.js';
import type { CompanionRow } from '../../database/companion-rows.js';
import { Limits } from '../../limits/limits.js';
import type { AttachedFile } from '../content/stored-content.js';
import { Templates } from '../content/templates.js';
import { attachmentFaults, type GivenAttachment } from '../files/attachment-policy.js';
import { contentTypeOf } from '../files/content-type.js';
import { FILE_LIMIT, StoredFiles } from '../files/stored-files.js';
import { type Accepted, type Draft, type GivenMime, Mail } from '../mail.js';
import { mailboxOf } from '../transport/mailbox.js';
import { draftOf, type SubmittedMessage } from './draft-policy.js';
import { type GivenAnswer, Idempotency } from './idempotency.js';
import type { KeyedRequest } from './idempotency-policy.js';
import { senderFault } from './sender-policy.js';

/** Whose mail it is. */
export interface Submitter {
  /** Of the API key, or of the account: what limits and idempotency go by. */
  id: string;
  apiKeyId?: string;
  /** Addresses and @domains that the API key may send from; empty: whatever the deployment may. */
  senders: readonly string[];
  /** Follows the messages into the worker's log. */
  requestId?: string;
  /** Code of ours: no limit holds for it. */
  unlimited?: boolean;
}

/** How a door hands messages in. */
export interface Submitting {
  submitter: Submitter;
  /** Undefined: whoever sends it again sends two. */
  idempotencyKey?: string | undefined;
  /** What the key is for, such as `POST /v1/emails`. */
  call: string;
  /** What a repeat is compared by, where that is not the message itself. */
  compared?: unknown;
}

/** One of many: it is in, or why it is not. */
export type SubmittedItem = Accepted | Problem;

/** What else belongs to the commit. */
type Along = (accepted: Accepted) => readonly CompanionRow[];

/** What each message carries, by message: stored, or what is wrong with it. */
interface Kept {
  attachments: AttachedFile[];
  /** Of a large message that its sender composed. */
  mime?: { fileId: string; size: number };
  faults: FieldError[];
}

type KeptFiles = Map<SubmittedMessage, Kept>;

/**
 * Bytes of MIME that stand in the row of the content. A larger one is a file: the row would make its statement heavy.
 */
const MIME_IN_ROW = 128 * 1024;

/**
 * The one way in for a back end's mail, whichever door it comes by: limits, sender policy, idempotency, files, one
 * commit. Nobody is told whether an address is suppressed: that is found out when the message is claimed.
 */
@Injectable()
export class Submission {
  constructor(
    private readonly settings: Settings,
    private readonly clock: DatabaseClock,
    private readonly limits: Limits,
    private readonly idempotency: Idempotency,
    private readonly templates: Templates,
    private readonly files: StoredFiles,
    private readonly mail: Mail,
  ) {}

  /** @throws Problem when it is not accepted; nothing was kept then */
  async accept(message: SubmittedMessage, submitting: Submitting, along?: Along): Promise<GivenAnswer<Accepted>> {
    const { submitter, idempotencyKey: key, call, compared = message } = submitting;
    await this.takeLimit(submitter);
    const kept = await this.keepFiles([message]);
    const request = { caller: submitter.id, key, call, body: compared };
    return this.acceptOnce(this.lookAt(message, submitter, kept, this.clock.now()), request, along);
  }

  /**
   * All that are good in one commit. A message that is not fails itself alone, or where they belong together all of
   * them.
   * @param messages what is a Problem already was refused by the door
   */
  async acceptMany<Body extends object>(
    messages: readonly (SubmittedMessage | Problem)[],
    { together, asBody, ...submitting }: Submitting & { together: boolean; asBody: (items: SubmittedItem[]) => Body },
  ): Promise<GivenAnswer<Body>> {
    const { submitter, idempotencyKey: key, call, compared = messages } = submitting;
    await this.takeLimit(submitter);
    const kept = await this.keepFiles(messages);
    const request = { caller: submitter.id, key, call, body: { messages: compared, together } };
    const looked = this.lookAtAll(messages, submitter, kept);
    const refusal = together && refusalOfAll(looked);
    if (refusal) return this.answeredBefore(request, refusal);
    const { accepted, commit } = this.mail.prepare(looked.filter((one): one is Draft => !(one instanceof Problem)));
    const left = [...accepted];
    const items = looked.map((one) => (one instanceof Problem ? one : left.shift()!));
    return this.idempotency.once(request, { status: 202, body: asBody(items) }, commit);
  }

  /** A message that was accepted before, as a new one, or why it cannot be. @throws Problem */
  async acceptDraft(
    draft: Draft | Problem,
    { submitter, idempotencyKey: key, call }: Submitting,
    along: Along,
  ): Promise<GivenAnswer<Accepted>> {
    await this.takeLimit(submitter);
    const refusal = draft instanceof Problem ? draft : this.senderFault(draft, submitter);
    const looked = refusal ?? { ...(draft as Draft), ...whose(submitter) };
    return this.acceptOnce(looked, { caller: submitter.id, key, call, body: {} }, along);
  }

  /** What is repeated is answered as it was, though by now it might be refused, for a time that has passed for one. */
  private async acceptOnce(
    looked: Draft | Problem,
    request: KeyedRequest,
    along: Along = () => [],
  ): Promise<GivenAnswer<Accepted>> {
    if (looked instanceof Problem) return this.answeredBefore(request, looked);
    const { accepted, commit } = this.mail.prepare([looked], ([one]) => along(one!));
    return this.idempotency.once(request, { status: 202, body: accepted[0]! }, commit);
  }

  private async takeLimit({ id, unlimited }: Submitter): Promise<void> {
    if (!unlimited) await this.limits.takeKey(id);
  }

  private senderFault(draft: Pick<Draft, 'from'>, { senders: keySenders }: Submitter): Problem | undefined {
    const { from, senders } = this.settings.mail;
    const address = draft.from === undefined ? from.address : mailboxOf(draft.from).address;
    return senderFault(address, { mailFrom: from.address, senders, keySenders });
  }

  /** @throws Problem the refusal, of what was not answered before */
  private async answeredBefore<Body extends object>(
    request: KeyedRequest,
    refusal: Problem,
  ): Promise<GivenAnswer<Body>> {
    const before = await this.idempotency.find<Body>(request);
    if (!before) throw refusal;
    return before;
  }

  private lookAtAll(
    messages: readonly (SubmittedMessage | Problem)[],
    submitter: Submitter,
    kept: KeptFiles,
  ): (Draft | Problem)[] {
    const now = this.clock.now();
    return messages.map((message) =>
      message instanceof Problem ? message : this.lookAt(message, submitter, kept, now),
    );
  }

  /** All that can be wrong with a message. */
  private lookAt(message: SubmittedMessage, submitter: Submitter, kept: KeptFiles, now: Date): Draft | Problem {
    const drafted = draftOf(message, this.templates.known, now);
    const { attachments, mime: file, faults: ofFiles } = kept.get(message) ?? { attachments: [], faults: [] };
    const faults = [...('faults' in drafted ? drafted.faults : []), ...ofFiles];
    if (faults.length > 0 || 'faults' in drafted) return refusalOf(faults);
    const { draft } = drafted;
    const { content } = draft;
    const accepted = {
      ...draft,
      content: content.kind === 'mime' && file ? { ...content, file } : content,
      ...(attachments.length === 0 ? {} : { attachments }),
      ...whose(submitter),
    };
    return this.senderFault(draft, submitter) ?? accepted;
  }

  /**
   * Stores what messages carry, before their transaction: it holds no locks while megabytes are written, and what a
   * message leaves that is not accepted goes within a day.
   */
  private async keepFiles(messages: readonly (SubmittedMessage | Problem)[]): Promise<KeptFiles> {
    const carrying = messages.filter(
      (message): message is SubmittedMessage => !(message instanceof Problem) && Boolean(message.attachments?.length),
    );
    const ids = carrying.flatMap(({ attachments = [] }) => attachments.flatMap(({ uploadId }) => uploadId ?? []));
    const uploads = await this.files.find(ids.filter((id) => UUID.test(id)));
    const kept: KeptFiles = new Map();
    for (const message of messages) {
      const mime = message instanceof Problem ? undefined : message.mime;
      if (mime && mime.bytes.length > MIME_IN_ROW) kept.set(message as SubmittedMessage, await this.keepMime(mime));
    }
    for (const message of carrying) {
      const faults = attachmentFaults(message.attachments!, uploads);
      const attachments: AttachedFile[] = [];
      if (faults.length === 0) for (const one of message.attachments!) attachments.push(await this.keep(one, uploads));
      kept.set(message, { attachments, faults });
    }
    return kept;
  }

  private async keepMime({ bytes }: GivenMime): Promise<Kept> {
    if (bytes.length > FILE_LIMIT) {
      const message = `must have at most ${FILE_LIMIT} bytes`;
      return { attachments: [], faults: [{ field: 'mime', code: 'too_large', message }] };
    }
    const { id: fileId, size } = await this.files.storeBytes(bytes);
    return { attachments: [], mime: { fileId, size }, faults: [] };
  }

  private async keep(
    { filename, content, uploadId, contentType, contentId, inline }: GivenAttachment,
    uploads: ReadonlyMap<string, { size: number }>,
  ): Promise<AttachedFile> {
    const { id: fileId, size } =
      content === undefined
        ? { id: uploadId!, ...uploads.get(uploadId!)! }
        : await this.files.storeBytes(Buffer.from(content, 'base64'));
    return {
      ...{ fileId, size, filename, contentType: contentType ?? contentTypeOf(filename) },
      ...(contentId === undefined ? {} : { contentId }),
      inline: inline ?? contentId !== undefined,
    };
  }
}

function whose({ apiKeyId, requestId }: Submitter): Pick<Draft, 'apiKeyId' | 'requestId'> {
  return {
    ...(apiKeyId === undefined ? {} : { apiKeyId }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

/** Of messages that belong together: the first faults of all, which message each is of, and how many more there are. */
function refusalOfAll(items: readonly object[]): Problem | undefined {
  const refused = items.flatMap((item, n) => (item instanceof Problem ? [faultsOf(item, n)] : []));
  if (refused.length === 0) return undefined;
  return refusalOf(
    refused.flatMap(({ errors }) => errors),
    refused.reduce((sum, { all }) => sum + all, 0),
  );
}

function faultsOf(problem: Problem, n: number): { errors: FieldError[]; all: number } {
  const { errors = [], code, detail } = problem.toDocument('');
  if (errors.length === 0) return { errors: [{ field: String(n), code, message: detail }], all: 1 };
  const all = problem instanceof TooManyFaults ? problem.all : errors.length;
  return { errors: errors.map((error) => ({ ...error, field: `${n}.${error.field}` })), all };
}
