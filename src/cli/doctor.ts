import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { ConfigurationError } from '../config/configuration-error.js';
import { type LoadedSettings, loadSettings } from '../config/settings.module.js';
import { StartupError } from '../core/startup-error.js';
import { type Check, type Report, worstOf } from '../doctor/check.js';
import { examine } from '../doctor/doctor.js';
import { Names } from '../doctor/names.js';
import { reportText } from '../doctor/report-text.js';
import { type Command, type ExitCode, type LoneWork, type Terminal, UsageError } from './command.js';

const doctor: Command = {
  name: 'doctor',
  alone: true,
  summary: 'find out why mail does not flow, as seen from this host',
  help: `Usage: otpost doctor [--json] [--dns SERVER] …

Asks everything that mail depends on, from the host it runs on, and says in plain words what is wrong and what to do:
each SMTP server and port as far as the login, each HTTP provider and its key, SPF, DKIM, DMARC and MX of the sender's
domain, Postgres, its schema and its clock, the broker, the workers, the transports, the ledger. It sends nothing, and
starts and migrates nothing. Hosts differ in what they block: run it on the web host and on the worker's.

  --json        print one document: {host, role, at, checks: [{area, name, status, ms, summary, remedy, details}], status}
  --dns SERVER  ask this name server, such as 9.9.9.9 or 127.0.0.1:5353, and not those of this host; may be repeated

Exit codes: 0 nothing fails, 1 something does, 2 the configuration or the command line is wrong.`,
  parse(args) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' }, dns: { type: 'string', multiple: true } } });
    return examining(values.json ?? false, namesOf(values.dns));
  },
};

export const DOCTOR_COMMANDS: readonly Command[] = [doctor];

function examining(json: boolean, names: Names): LoneWork {
  return async (terminal) => {
    let loaded: LoadedSettings;
    try {
      loaded = await loadSettings();
    } catch (error) {
      if (!(error instanceof StartupError)) throw error;
      tell(refusal(error), json, terminal);
      return 2;
    }
    const { settings, warnings } = loaded;
    const waiting = new Set<string>();
    const progress = process.stderr.isTTY && !json ? showing(waiting) : undefined;
    const report = await examine({
      settings,
      warnings,
      names,
      now: () => new Date(),
      signal: new AbortController().signal,
      ...(progress ? { progress } : {}),
    });
    tell(report, json, terminal);
    return exitCodeOf(report);
  };
}

function exitCodeOf({ status }: Report): ExitCode {
  return status === 'fail' ? 1 : 0;
}

function tell(report: Report, json: boolean, terminal: Terminal): void {
  terminal.out(json ? JSON.stringify(report) : reportText(report));
}

/** What cannot be started with cannot be examined either; each fault is an answer. */
function refusal(error: StartupError): Report {
  const fault = (name: string, summary: string, remedy: string): Check => ({ area: 'configuration', name, status: 'fail', summary, remedy });
  const checks =
    error instanceof ConfigurationError
      ? error.faults.map(({ variable, read, remedy }) => fault(variable, read, remedy.join(' ')))
      : [fault('settings', error.message, error.remedy)];
  return { host: hostname(), role: 'unknown', at: new Date().toISOString(), checks, status: worstOf(checks) };
}

function namesOf(servers: string[] | undefined): Names {
  try {
    return new Names(servers);
  } catch {
    // What Node says of it names no option.
    throw new UsageError('--dns wants the IP address of a name server, with its port where that is not 53, such as 9.9.9.9 or 127.0.0.1:5353.');
  }
}

/** One line that is written over: what is still waited for. */
function showing(waiting: Set<string>): (what: string, state: 'begun' | 'over') => void {
  return (what, state) => {
    if (state === 'begun') waiting.add(what);
    else waiting.delete(what);
    const line = waiting.size > 0 ? `asking: ${[...waiting].join(', ')}` : '';
    process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
  };
}
