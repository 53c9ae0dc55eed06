import { MASK, maskUrl } from '../core/mask.js';
import { isProviderKind, parseProvider, PROVIDER_KINDS } from './http-transports.js';
import { list } from './parse-value.js';
import { fault, type Parsed, value } from './parsed.js';
import type { TransportSettings } from './settings.js';
import { DEFAULT_SMTP_PORTS, parseSmtp } from './smtp-transport.js';
import { distance } from './spelling.js';

const KINDS = ['smtp', 'smtps', 'capture', ...PROVIDER_KINDS];
const EXAMPLE = 'such as MAIL_TRANSPORTS=smtp://user:password@smtp.example.com:587.';

/**
 * Reads MAIL_TRANSPORTS, in order of preference. The remedy names every entry that is wrong.
 * @param smtpPorts SMTP_PORTS
 */
export function parseTransports(text: string, smtpPorts: readonly number[] = DEFAULT_SMTP_PORTS): Parsed<TransportSettings[]> {
  const entries = list(text);
  if (entries.length === 0) return fault(`must name a transport, ${EXAMPLE}`);
  const transports: TransportSettings[] = [];
  const remedies: string[] = [];
  entries.forEach((entry, index) => {
    const outcome = parseTransport(entry, smtpPorts);
    if (outcome.kind === 'value') transports.push(outcome.value);
    else remedies.push(entries.length > 1 ? `entry ${index + 1}: ${outcome.remedy}` : outcome.remedy);
  });
  return remedies.length > 0 ? fault(remedies.join('\n')) : value(transports);
}

/** MAIL_TRANSPORTS for an error text. */
export function maskTransports(text: string): string {
  const entries = list(text).map(maskTransport);
  // An entry that begins with no kind may be the rest of a password with a comma in it, and so may its neighbours.
  return entries.includes(MASK) ? MASK : entries.join(',');
}

function maskTransport(entry: string): string {
  const kind = kindOf(entry);
  if (kind === undefined) return MASK;
  if (entry.slice(kind.length).startsWith('://')) return maskUrl(kind.toLowerCase() + entry.slice(kind.length));
  const rest = entry.slice(kind.length + 1);
  return entry.length > kind.length ? `${kind}:${rest === '' ? '' : MASK}` : kind;
}

/** The kind as written, when it is ours or nearly so; anything else might be a piece of a secret. */
function kindOf(entry: string): string | undefined {
  const kind = entry.split(':', 1)[0]!;
  return KINDS.some((known) => distance(kind.toLowerCase(), known) <= 1) ? kind : undefined;
}

function parseTransport(entry: string, smtpPorts: readonly number[]): Parsed<TransportSettings> {
  const kind = entry.split(':', 1)[0]!.toLowerCase();
  if (kind === 'capture') {
    return entry.toLowerCase() === 'capture:'
      ? value({ kind: 'capture', name: 'capture' })
      : fault('the built-in inbox takes nothing after the colon, such as MAIL_TRANSPORTS=capture:.');
  }
  if (kind === 'smtp' || kind === 'smtps') return parseSmtp(entry, smtpPorts);
  if (isProviderKind(kind) && entry.length > kind.length) return parseProvider(kind, entry.slice(kind.length + 1));
  return fault(`must begin with smtp://, smtps://, capture:, ${PROVIDER_KINDS.join(':, ')}:, ${EXAMPLE} A comma inside a password is written %2C.`);
}
