import { hostname } from 'node:os';
import type { Settings, TransportSettings } from '../config/settings.js';
import { heloName } from '../config/smtp-manners.js';
import type { Logger } from '../core/logger.js';
import { keysOf } from '../mail/transport/choices.js';
import type { Check } from './check.js';
import { Names } from './names.js';
import { reachCheck } from './provider-checks.js';
import { smtpChecks } from './smtp-checks.js';

/** Milliseconds for all transports together. */
const WITHIN_MS = 10_000;

/**
 * The short form of `otpost doctor`, for the start of a process that delivers: a line in the log for each way out of this
 * host, whether it can be reached. It logs in nowhere, sends nothing, and the states of the transports do not hear of it.
 * Never rejects.
 * @param signal ends it, without a word
 */
export async function tellReach({ mail, http }: Settings, log: Logger, signal: AbortSignal): Promise<void> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]);
  const keys = keysOf(mail.transports);
  const helo = heloName(hostname(), http.appUrl);
  const tell = async (transport: TransportSettings, name: string): Promise<void> => {
    try {
      const checks = await look(transport, name, helo, within);
      if (!signal.aborted) tellOf(name, checks, log);
    } catch (error) {
      log.warn({ err: error, transport: name }, 'whether the transport can be reached could not be found out');
    }
  };
  await Promise.all(mail.transports.map((transport, index) => tell(transport, keys[index]!)));
}

async function look(transport: TransportSettings, name: string, helo: string, signal: AbortSignal): Promise<Check[]> {
  switch (transport.kind) {
    case 'capture':
    case 'file':
      return [];
    case 'smtp':
      return smtpChecks(transport, { names: new Names(), login: false, helo, now: new Date(), signal });
    default:
      return [await reachCheck(name, transport, signal)];
  }
}

/** One line a transport: the port that works, or what is wrong with the first one. */
function tellOf(transport: string, checks: readonly Check[], log: Logger): void {
  const works = checks.find(({ status, details }) => status === 'ok' && details?.['configured'] !== false);
  if (works) return log.info({ transport, ms: works.ms }, `${works.area === 'smtp' ? works.name : transport} answers (${Math.round(works.ms ?? 0)} ms)`);
  const wrong = checks.find(({ status }) => status === 'fail' || status === 'warn');
  if (wrong) log.warn({ transport, ms: wrong.ms, remedy: wrong.remedy }, `${wrong.name}: ${wrong.summary}`);
}
