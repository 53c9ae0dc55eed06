import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type HookInProof, Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import type { Doorkeeper } from '../../core/credentials.js';
import { requireStorable } from '../../core/input.js';
import { Keyring } from '../../core/keyring.js';
import { Logger } from '../../core/logger.js';
import { Problem } from '../../core/problems.js';
import { validationPipe } from '../../core/validation.js';
import { SendRequest } from '../api/send-request.js';
import { jsonOf, type HookRequest, type Proof } from '../providers/hook.js';
import type { SubmittedMessage } from '../submission/draft-policy.js';
import { Submission } from '../submission/submission.js';
import { type HandedMail, refusedMember } from './handed-mail.js';
import { readKratos } from './kratos-policy.js';
import { Mappings } from './mappings.js';
import { proveByAny, proveByHead } from './proofs-policy.js';
import { readSupabase } from './supabase-policy.js';

type Params = { source?: string; name?: string };

/** Mail of auth systems, from the request to Submission: who says it is settled before what is said is looked at. */
@Injectable()
export class HooksIn implements Doorkeeper {
  private readonly pipe = validationPipe();

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly submission: Submission,
    private readonly mappings: Mappings,
    private readonly keyring: Keyring,
    private readonly log: Logger,
  ) {}

  /** Before the body is read, as far as its head tells. @throws Problem */
  async admit({ params, headers, id }: FastifyRequest): Promise<void> {
    const source = sourceOf(params as Params);
    const request = { headers, body: Buffer.alloc(0), now: this.clock.now() };
    this.insist(proveByHead(request, this.proofsOf(source)), source, id);
  }

  /** When this resolves, the mail is committed. @throws Problem, and nothing is sent */
  async take(
    params: Params,
    { headers, body }: Pick<HookRequest, 'headers' | 'body'>,
    requestId: string,
  ): Promise<void> {
    const source = sourceOf(params);
    const request = { headers, body, now: this.clock.now() };
    this.insist(proveByAny(request, this.proofsOf(source)), source, requestId);
    const handed = readable(() => this.read(source, jsonOf(body), request.now));
    requireStorable(...handed.messages);
    const replayed = await this.submit(source, handed, requestId);
    const mails = handed.messages.length;
    this.log.info({ source, mails, replayed, requestId }, 'an auth system handed mail in');
  }

  private read(source: string, body: unknown, now: Date): HandedMail {
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw refusedMember('body', 'not_an_object', 'must be an object: one mail');
    if (source === 'supabase') return readSupabase(body);
    return source === 'kratos' ? readKratos(body, now) : this.mappings.of(source.split('/')[1]!)(body, now);
  }

  /**
   * LIMIT_KEY holds for a source as for the key of any back end: a secret that leaked is bounded alike, and who is
   * refused is told when to come again, which Supabase and Kratos do.
   */
  private async submit(source: string, { messages, id, about }: HandedMail, requestId: string): Promise<boolean> {
    const submitter = { id: `hook:${source}`, senders: [], requestId };
    // A code of six digits is soon found out of a hash without a secret.
    const hash = readable(() => this.keyring.hash(this.keyring.currentId, ['hook in', source, JSON.stringify(about)]));
    const compared = Buffer.from(hash).toString('base64url');
    const submitting = { submitter, idempotencyKey: id ?? compared, call: `POST /v1/hooks/in/${source}`, compared };
    const checked = await Promise.all(messages.map((message) => this.checked(message)));
    try {
      const [only, ...others] = checked;
      const given =
        others.length === 0
          ? await this.submission.accept(only!, submitting)
          : await this.submission.acceptMany(checked, { ...submitting, together: true, asBody: () => ({}) });
      return given.replayed;
    } catch (error) {
      // Its first try is still under way. 409 would be a failure to who knows nothing of idempotency.
      if (error instanceof Problem && error.code === 'idempotency_in_flight')
        throw new Problem('busy', { detail: error.message, headers: error.headers, cause: error });
      throw error;
    }
  }

  /** Its form, as that of POST /v1/emails. @throws Problem `validation_failed` */
  private async checked(message: SubmittedMessage): Promise<SubmittedMessage> {
    return (await this.pipe.transform(message, { type: 'body', metatype: SendRequest })) as SendRequest;
  }

  private proofsOf(source: string): HookInProof[] {
    const proofs = this.settings.mail.hookInSecrets.filter((one) => one.source === source).map(({ proof }) => proof);
    if (proofs.length === 0) throw new Problem('mail_hook_not_configured');
    return proofs;
  }

  private insist(proof: Proof, source: string, requestId: string): void {
    if (proof.kind === 'authentic') return;
    const { reason } = proof;
    this.log.warn({ source, reason, requestId }, 'mail was refused: it is not proven to come from the auth system');
    throw new Problem('mail_hook_refused', { detail: DETAILS[reason] });
  }
}

const DETAILS: Record<Extract<Proof, { kind: 'refused' }>['reason'], string> = {
  unsigned: 'The request carries no proof.',
  forged: 'The proof does not fit the request.',
  stale: 'The proof is too old, or of the future.',
};

function sourceOf({ source, name }: Params): string {
  return (name === undefined ? (source ?? '') : `generic/${name}`).toLowerCase();
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    // A RangeError: it is nested deeper than the stack.
    throw error instanceof SyntaxError || error instanceof RangeError
      ? new Problem('malformed_json', { cause: error })
      : error;
  }
}
