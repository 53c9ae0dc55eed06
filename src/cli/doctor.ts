import { hostname } from 'node:os';
import type { LoadedSettings } from '../config/settings.module.js';
import { StartupError } from '../core/startup-error.js';
import { Names } from '../doctor/network.js';
import type { Check, Report } from '../doctor/report.js';
import { each, UsageError } from './arguments.js';
import type { Command } from './command.js';
import type { ExitCode, Io } from './io.js';

export function declare(program: Command): void {
  program
    .command('doctor')
    .summary('find out why mail does not flow, as seen from this host')
    .synopsis('[--json] [--dns SERVER] …')
    .description(
      `Asks everything that mail depends on, from the host it runs on, and says in plain words what is wrong and what to do:
each SMTP server and port as far as the login, each HTTP provider and its key, SPF, DKIM, DMARC and MX of the sender's
domain, Postgres, its schema and its clock, the broker, the workers, the transports, the ledger. It sends nothing, and
starts and migrates nothing. Hosts differ in what they block: run it on the web host and on the worker's.`,
    )
    .option(
      '--json',
      'print one document: {host, role, at, checks: [{area, name, status, ms, summary, remedy, details}], status}',
    )
    .option(
      '--dns <SERVER>',
      'ask this name server, such as 9.9.9.9 or 127.0.0.1:5353, and not those of this host; may be repeated',
      each(String),
    )
    .remark('Exit codes: 0 nothing fails, 1 something does, 2 the configuration or the command line is wrong.')
    .does(examineAndTell);
}

function namesOf(servers: string[] | undefined): Names {
  try {
    return new Names(servers);
  } catch {
    // What Node says of it names no option.
    throw new UsageError(
      '--dns wants the IP address of a name server, with its port where that is not 53, such as 9.9.9.9 or 127.0.0.1:5353.',
    );
  }
}

async function examineAndTell(io: Io, { dns }: { dns?: string[] }): Promise<ExitCode> {
  const names = namesOf(dns);
  const { settingsOf } = await import('./session.js');
  let loaded: LoadedSettings;
  try {
    loaded = await settingsOf(io);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    await tell(await refusal(error), io);
    return 2;
  }
  const { examine } = await import('../doctor/doctor.js');
  const { settings, warnings } = loaded;
  const progress = io.live && !io.json ? { progress: showing(io) } : {};
  const signal = new AbortController().signal;
  const report = await examine({ settings, warnings, names, now: () => new Date(), signal, ...progress });
  await tell(report, io);
  return report.status === 'fail' ? 1 : 0;
}

async function tell(report: Report, io: Io): Promise<void> {
  const { reportText } = await import('../doctor/report.js');
  io.out(...(io.json ? [JSON.stringify(report)] : reportText(report).split('\n')));
}

/** What cannot be started with cannot be examined either; each fault is an answer. */
async function refusal(error: StartupError): Promise<Report> {
  const { ConfigurationError } = await import('../config/read-settings.js');
  const { worstOf } = await import('../doctor/report.js');
  const fault = (name: string, summary: string, remedy: string): Check => ({
    area: 'configuration',
    name,
    status: 'fail',
    summary,
    remedy,
  });
  const checks =
    error instanceof ConfigurationError
      ? error.faults.map(({ variable, read, remedy }) => fault(variable, read, remedy.join(' ')))
      : [fault('settings', error.message, error.remedy)];
  return { host: hostname(), role: 'unknown', at: new Date().toISOString(), checks, status: worstOf(checks) };
}

/** What is still waited for, in a line that is written over. */
function showing(io: Io): (what: string, state: 'begun' | 'over') => void {
  const waiting = new Set<string>();
  return (what, state) => {
    if (state === 'begun') waiting.add(what);
    else waiting.delete(what);
    io.writeOver(waiting.size > 0 ? `asking: ${[...waiting].join(', ')}` : '');
  };
}
