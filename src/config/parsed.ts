import { ValidateBy } from 'class-validator';

/**
 * What reading a variable's text gave. A remedy is shown to the operator and never repeats the text:
 * the text may hold a password. Several remedies in one are separated by line breaks.
 */
export type Parsed<T> = { kind: 'value'; value: T } | { kind: 'fault'; remedy: string };

export type Parser<T> = (text: string) => Parsed<T>;

export function value<T>(parsed: T): Parsed<T> {
  return { kind: 'value', value: parsed };
}

export function fault(remedy: string): Parsed<never> {
  return { kind: 'fault', remedy };
}

/** Validates a property with the parser that will later read it, so that the two cannot disagree. */
export function ParsedBy(parse: Parser<unknown>): PropertyDecorator {
  return ValidateBy({
    name: 'parsedBy',
    validator: {
      validate: (text) => typeof text === 'string' && parse(text).kind === 'value',
      defaultMessage: (args) => {
        const outcome = parse(String(args?.value));
        return outcome.kind === 'fault' ? outcome.remedy : '';
      },
    },
  });
}
