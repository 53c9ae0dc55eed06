import { parseArgs } from 'node:util';
import { Names } from '../doctor/names.js';
import { type Command, UsageError } from './command.js';

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
    const names = namesOf(values.dns);
    return async (terminal) => {
      const { examineAndTell } = await import('./doctor-work.js');
      return examineAndTell(values.json ?? false, names, terminal);
    };
  },
};

export const DOCTOR_COMMANDS: readonly Command[] = [doctor];

function namesOf(servers: string[] | undefined): Names {
  try {
    return new Names(servers);
  } catch {
    // What Node says of it names no option.
    throw new UsageError('--dns wants the IP address of a name server, with its port where that is not 53, such as 9.9.9.9 or 127.0.0.1:5353.');
  }
}
