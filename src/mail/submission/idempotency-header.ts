import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GivenAnswer } from './idempotency.js';
import { Keyed } from '../../access/access.guard.js';
import { IDEMPOTENCY_HEADER, MAX_KEY_LENGTH, readIdempotencyKey, REPLAYED_HEADER } from './idempotency-policy.js';

/**
 * The key of a request that must not be carried out twice. Throws Problem `validation_failed` for one that cannot be.
 */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext): string | undefined => {
  const { raw } = context.switchToHttp().getRequest<FastifyRequest>();
  // `headers` joins two into one with a comma, which could be one key as well.
  return readIdempotencyKey(raw.headersDistinct[IDEMPOTENCY_HEADER.toLowerCase()]);
});

/** On a call that takes an {@link IdempotencyKey}. */
export function TakesIdempotencyKey(): MethodDecorator {
  return applyDecorators(
    Keyed(true),
    ApiHeader({
      name: IDEMPOTENCY_HEADER,
      required: false,
      description:
        'Carried out once: the same request again under this key gets the same answer for 24 hours, with `Idempotency-Replayed: true`. Another request under it: 422 `idempotency_mismatch`. While the first is under way: 409 `idempotency_in_flight`.',
      schema: { type: 'string', minLength: 1, maxLength: MAX_KEY_LENGTH },
    }),
  );
}

/** Sends an answer as it was given first. */
export function told<Body extends object>({ status, body, replayed }: GivenAnswer<Body>, reply: FastifyReply): Body {
  reply.status(status);
  if (replayed) reply.header(REPLAYED_HEADER, 'true');
  return body;
}
