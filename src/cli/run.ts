import { VERSION } from '../core/process-facts.js';
import { StartupError } from '../core/startup-error.js';
import { declare as admin } from './admin.js';
import { UsageError } from './arguments.js';
import { declare as audit } from './audit.js';
import { declare as bounce } from './bounce.js';
import { Command } from './command.js';
import { type ExitCode, Io, OUTPUT_CLOSED, OutputClosed, type Terminal } from './io.js';
import { declare as doctor } from './doctor.js';
import { declare as keys } from './keys.js';
import { declare as migrate } from './migrate.js';
import { declare as outbox } from './outbox.js';
import { declare as queue } from './queue.js';
import { declare as rotateSecret } from './rotate-secret.js';
import { declare as send } from './send.js';
import { declare as signingKeys } from './signing-keys.js';
import { declare as suppressions } from './suppressions.js';
import { declare as templates } from './templates.js';
import { declare as transports } from './transports.js';

/** In the order in which help shows them. Each declares its words, and loads what it works with once it runs. */
const COMMANDS = [
  doctor,
  send,
  outbox,
  queue,
  suppressions,
  transports,
  templates,
  bounce,
  keys,
  admin,
  audit,
  signingKeys,
  rotateSecret,
  migrate,
];

/** Runs one command line and gives its exit code. Whatever went wrong was told, if anybody listened. */
export async function run(args: string[], terminal: Terminal): Promise<ExitCode> {
  const io = new Io(terminal);
  try {
    const code = await runAndTell(args, io);
    await io.flushed();
    return io.closed ? OUTPUT_CLOSED : code;
  } catch (error) {
    if (error instanceof OutputClosed) return OUTPUT_CLOSED;
    throw error;
  }
}

async function runAndTell(args: string[], io: Io): Promise<ExitCode> {
  const program = new Command('otpost', io);
  for (const declare of COMMANDS) declare(program);
  const command = program.leaves.find(
    ({ fullName }) => fullName === args.slice(0, fullName.split(' ').length).join(' '),
  );
  try {
    return await dispatch(args, program, command, io);
  } catch (error) {
    if (error instanceof OutputClosed) throw error;
    if (error instanceof UsageError) {
      io.err(error.message, `See: otpost ${[command?.fullName, '--help'].join(' ').trim()}`);
      return 2;
    }
    if (error instanceof StartupError) io.err(...error.lines);
    else io.err(...(error instanceof Error ? (error.stack ?? error.message) : String(error)).split('\n'));
    return command?.failsWith ?? 1;
  }
}

async function dispatch(args: string[], program: Command, command: Command | undefined, io: Io): Promise<ExitCode> {
  if (args.includes('--help') || args.includes('-h')) {
    io.out(...(command?.helpInformation() ?? overview(program, args[0])).split('\n'));
    return 0;
  }
  if (args[0] === '--version') {
    io.out(VERSION);
    return 0;
  }
  if (command) return command.run(args.slice(command.fullName.split(' ').length));
  if (args.length > 0) io.err(refusalOf(args, program));
  io.err(...overview(program, args[0]).split('\n'));
  return 2;
}

function refusalOf([word, ...more]: string[], program: Command): string {
  const isGroup = program.commands.some((group) => group.name() === word);
  if (isGroup && more.length === 0) return `Say what to do with "${word}".`;
  return `There is no command "${[word, ...more.slice(0, 1)].join(' ')}".`;
}

/** Of one group of commands where the word names one, otherwise of all. */
function overview(program: Command, word: string | undefined): string {
  const { leaves } = (program.commands as Command[]).find((group) => group.name() === word) ?? program;
  const width = Math.max(...leaves.map(({ fullName }) => fullName.length));
  return [
    'Usage: otpost COMMAND [OPTIONS]',
    '',
    ...leaves.map((command) => `  ${command.fullName.padEnd(width)}  ${command.summary()}`),
    '',
    'It works on the database of DATABASE_URL or, in development, on the one in DATA_DIR, whether Otpost is running or not.',
    'Each command explains itself with --help.',
  ].join('\n');
}
