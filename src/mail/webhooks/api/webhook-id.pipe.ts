import type { PipeTransform, Type } from '@nestjs/common';
import { Problem, type ProblemCode } from '../../../core/problems.js';

/** What cannot be the id of anything is not looked up. */
function idPipe(code: ProblemCode): Type<PipeTransform<string, string>> {
  return class implements PipeTransform<string, string> {
    transform(id: string): string {
      if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)) throw new Problem(code);
      return id;
    }
  };
}

export const EndpointIdPipe = idPipe('webhook_endpoint_not_found');
export const DeliveryIdPipe = idPipe('webhook_delivery_not_found');
