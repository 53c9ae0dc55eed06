import { ValidateBy } from 'class-validator';
import { parseEmailAddress } from './email-address.js';

/** An address we would mail, in a request; which that is says email-address.ts. */
export function IsMailAddress(): PropertyDecorator {
  return ValidateBy({
    name: 'invalid_address',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && parseEmailAddress(value) !== undefined,
      defaultMessage: () => 'must be an e-mail address such as ada@example.com',
    },
  });
}
