import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { requireStorable } from '../core/storable.js';

/**
 * NUL and halves of surrogate pairs are refused wherever they come in: in JSON, in forms, in the query and in the path.
 * Bodies that a route takes as bytes are looked at where they are read. Headers hold neither: Node refuses NUL in them, and
 * reads each byte as one character.
 */
export function refuseUnstorable(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('preValidation', async ({ is404, params, query, body }) => {
      if (!is404) requireStorable(params, query, body);
    });
}
