import { hostname } from 'node:os';
import { ConfigurationError } from '../config/configuration-error.js';
import { type LoadedSettings, loadSettings } from '../config/settings.module.js';
import { StartupError } from '../core/startup-error.js';
import { visible } from '../core/visible.js';
import { type Check, type Report, worstOf } from '../doctor/check.js';
import { examine } from '../doctor/doctor.js';
import type { Names } from '../doctor/names.js';
import { reportText } from '../doctor/report-text.js';
import type { ExitCode, Terminal } from './command.js';

export async function examineAndTell(json: boolean, names: Names, terminal: Terminal): Promise<ExitCode> {
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
}

function exitCodeOf({ status }: Report): ExitCode {
  return status === 'fail' ? 1 : 0;
}

function tell(report: Report, json: boolean, terminal: Terminal): void {
  if (json) terminal.out(JSON.stringify(report));
  else terminal.out(...reportText(report).split('\n'));
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

/** One line that is written over: what is still waited for. */
function showing(waiting: Set<string>): (what: string, state: 'begun' | 'over') => void {
  return (what, state) => {
    if (state === 'begun') waiting.add(what);
    else waiting.delete(what);
    const line = waiting.size > 0 ? visible(`asking: ${[...waiting].join(', ')}`) : '';
    process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
  };
}
