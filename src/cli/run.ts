import { StartupError } from '../core/startup-error.js';
import { VERSION } from '../core/version.js';
import { ADMIN_COMMANDS } from './admin.js';
import { AUDIT_COMMANDS } from './audit.js';
import { BOUNCE_COMMANDS } from './bounce.js';
import { type Command, type ExitCode, showingAll, type Terminal, UsageError } from './command.js';
import { DOCTOR_COMMANDS } from './doctor.js';
import { KEY_COMMANDS } from './keys.js';
import { MIGRATE_COMMANDS } from './migrate.js';
import { OUTBOX_COMMANDS } from './outbox.js';
import { OUTPUT_CLOSED, OutputClosed } from './output.js';
import { QUEUE_COMMANDS } from './queue.js';
import { ROTATE_SECRET_COMMANDS } from './rotate-secret.js';
import { SEND_COMMANDS } from './send.js';
import { SIGNING_KEY_COMMANDS } from './signing-keys.js';
import { SUPPRESSION_COMMANDS } from './suppressions.js';
import { TRANSPORT_COMMANDS } from './transports.js';

/** What they are called, explain and understand; what they work with they load once they run, for that takes the longest. */
const COMMANDS: readonly Command[] = [
  ...DOCTOR_COMMANDS,
  ...SEND_COMMANDS,
  ...OUTBOX_COMMANDS,
  ...QUEUE_COMMANDS,
  ...SUPPRESSION_COMMANDS,
  ...TRANSPORT_COMMANDS,
  ...BOUNCE_COMMANDS,
  ...KEY_COMMANDS,
  ...ADMIN_COMMANDS,
  ...AUDIT_COMMANDS,
  ...SIGNING_KEY_COMMANDS,
  ...ROTATE_SECRET_COMMANDS,
  ...MIGRATE_COMMANDS,
];

/** Runs one command line and gives its exit code; whatever went wrong was told, if anybody listened. */
export async function run(args: string[], given: Terminal): Promise<ExitCode> {
  try {
    return await runAndTell(args, showingAll(given));
  } catch (error) {
    if (error instanceof OutputClosed) return OUTPUT_CLOSED;
    throw error;
  }
}

async function runAndTell(args: string[], terminal: Terminal): Promise<ExitCode> {
  try {
    return await dispatch(args, terminal);
  } catch (error) {
    if (error instanceof OutputClosed) throw error;
    if (isUsageError(error)) {
      terminal.err(error.message, `See: otpost ${[...wordsOf(args), '--help'].join(' ')}`);
      return 2;
    }
    if (error instanceof StartupError) terminal.err(...error.lines);
    else terminal.err(...linesOf(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    return commandIn(args)?.failsWith ?? 1;
  }
}

async function dispatch(args: string[], terminal: Terminal): Promise<ExitCode> {
  const command = commandIn(args);
  if (args.includes('--help') || args.includes('-h')) {
    terminal.out(...linesOf(command?.help ?? overview(args[0])));
    return 0;
  }
  if (args[0] === '--version') {
    terminal.out(VERSION);
    return 0;
  }
  if (!command) {
    if (args.length > 0) terminal.err(`There is no command "${args.slice(0, 2).join(' ')}".`);
    terminal.err(...linesOf(overview(args[0])));
    return 2;
  }
  const rest = args.slice(command.name.split(' ').length);
  if (command.alone) return command.parse(rest)(terminal);
  const work = command.parse(rest);
  const { withDatabase } = await import('./database.js');
  return withDatabase(terminal, (prisma) => work(prisma, terminal));
}

/** Of one group of commands where the words begin with one, otherwise of all. */
function overview(group: string | undefined): string {
  const ofGroup = COMMANDS.filter(({ name }) => name.split(' ')[0] === group);
  const commands = ofGroup.length > 0 ? ofGroup : COMMANDS;
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Usage: otpost COMMAND [OPTIONS]',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'It works on the database of DATABASE_URL or, in development, on the one in DATA_DIR, whether Otpost is running or not.',
    'Each command explains itself with --help.',
  ].join('\n');
}

function linesOf(text: string): string[] {
  return text.split('\n');
}

/** Names have one word or two. */
function commandIn(args: string[]): Command | undefined {
  return COMMANDS.find(({ name }) => name === args.slice(0, name.split(' ').length).join(' '));
}

/** The command that the arguments name, for the hint. */
function wordsOf(args: string[]): string[] {
  const command = commandIn(args);
  return command ? command.name.split(' ') : [];
}

/** Ours, or one of node:util parseArgs. */
function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS_');
}
