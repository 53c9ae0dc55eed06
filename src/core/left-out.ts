import { ValidateIf } from 'class-validator';

/**
 * A member that may be missing. `null` is a fault like any other value that does not fit: class-validator's own IsOptional
 * lets it through, and whoever reads the member then takes it for text.
 */
export function MayBeLeftOut(): PropertyDecorator {
  return ValidateIf((_, value) => value !== undefined);
}

/** A member that may be missing, or `null` where the documentation says what `null` means (`nullable: true`). */
export function MayBeNull(): PropertyDecorator {
  return ValidateIf((_, value) => value !== undefined && value !== null);
}
