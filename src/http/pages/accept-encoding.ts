import type { IncomingHttpHeaders } from 'node:http';

/** Codings that answers are kept in, the smaller one first. */
const CODINGS = ['br', 'gzip'] as const;

export type Coding = (typeof CODINGS)[number];

/** Those that whoever asks takes (RFC 9110 §12.5.3): Accept-Encoding names them, and not with a weight of 0. */
export function codingsTaken({ 'accept-encoding': accepted = '' }: IncomingHttpHeaders): Coding[] {
  const named = String(accepted)
    .toLowerCase()
    .split(',')
    .map((part) => part.split(';').map((piece) => piece.trim()));
  const taken = named.filter(([, weight]) => !weight?.startsWith('q=') || Number(weight.slice(2)) > 0);
  return CODINGS.filter((coding) => taken.some(([name]) => name === coding));
}
