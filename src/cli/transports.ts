import { parseArgs } from 'node:util';
import { type Command, UsageError } from './command.js';

const list: Command = {
  name: 'transports list',
  summary: 'show the ways out for mail, and which are paused',
  help: `Usage: otpost transports list [--json]

Shows every way out that Otpost was started with on this database: whether it is open, having a break or paused, why,
since when, when it is tried next, and which hosts cannot reach it. A second account at one server is numbered, #2.

One that is on record and not in MAIL_TRANSPORTS any more is not_configured. What workers are configured with is not on
record: run this with their environment.

  --json  print a list of objects; "configured" is null where this command cannot know`,
  alone: true,
  parse(args) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    return async (terminal) => {
      const { listTransports } = await import('./transports-work.js');
      return listTransports(values.json ?? false, terminal);
    };
  },
};

const resume: Command = {
  name: 'transports resume',
  summary: 'use a paused transport again, at once',
  help: `Usage: otpost transports resume NAME [--json]

Opens a way out again that is paused or has a break, for all workers and hosts; they notice within seconds. Paused ones
are also tried by themselves, with one message a minute. NAME is what "otpost transports list" shows.

  --json  print what was done as JSON`,
  parse(args) {
    const { positionals, values } = parseArgs({ args, options: { json: { type: 'boolean' } }, allowPositionals: true });
    const [name, ...more] = positionals;
    if (name === undefined || more.length > 0) throw new UsageError('Name one transport, as "otpost transports list" shows it.');
    return async (prisma, terminal) => {
      const { resumeTransport } = await import('./transports-work.js');
      return resumeTransport(name, values.json ?? false, prisma, terminal);
    };
  },
};

export const TRANSPORT_COMMANDS: readonly Command[] = [list, resume];
