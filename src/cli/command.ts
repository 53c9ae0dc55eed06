import { Command as CommanderCommand, CommanderError } from 'commander';
import { UsageError, wholeNumber } from './arguments.js';
import type { ExitCode, Io } from './io.js';
import type { Session } from './session.js';

/** How many a list shows, unless it is told otherwise, and at most. */
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;

/** A command, or a group of them. Commander understands its arguments; the words for people are our own. */
export class Command extends CommanderCommand {
  /** Where the database cannot be had, or something else broke. */
  failsWith: ExitCode = 1;
  private synopses: readonly string[] = [''];
  private notes: string | undefined;
  private readonly needed = new Map<string, string>();
  private named: (names: string[]) => unknown = () => undefined;
  private exitCode: ExitCode = 0;

  constructor(
    name: string | undefined,
    readonly io: Io,
  ) {
    super(name);
    this.helpOption(false).helpCommand(false).allowExcessArguments(false);
    this.exitOverride()
      .showSuggestionAfterError(false)
      .configureOutput({ outputError: () => undefined });
  }

  override createCommand(name?: string): Command {
    return new Command(name, this.io);
  }

  /** Such as `keys create`. */
  get fullName(): string {
    return this.parent?.parent ? `${this.parent.name()} ${this.name()}` : this.name();
  }

  /**
   * What stands behind the name, a line for each way to call it; a line that begins with a blank continues the last.
   */
  synopsis(...lines: string[]): this {
    this.synopses = lines;
    return this;
  }

  /** What help says after the options. */
  remark(text: string): this {
    this.notes = text;
    return this;
  }

  /** What is said where an option is missing that the command cannot do without. */
  needs(option: string, wanted: string): this {
    this.needed.set(option, wanted);
    return this;
  }

  /** Takes names behind the options, such as ids. @param parse may throw a UsageError */
  takes(parse: (names: string[]) => unknown): this {
    this.named = parse;
    return this.argument('[names...]');
  }

  /** At most so many of what is listed. */
  limited(): this {
    const text = `at most so many, 1 to ${MAX_LIMIT}; ${DEFAULT_LIMIT} unless it is given`;
    return this.option('--limit <N>', text, wholeNumber('--limit', 1, MAX_LIMIT), DEFAULT_LIMIT);
  }

  /** What the command does with its options, and with what `takes` made of the names behind them. */
  does<Options, Named>(work: (io: Io, options: Options, named: Named) => Promise<ExitCode>): this {
    return this.action(async () => {
      const parsed = Object.entries(this.opts()).map(async ([name, value]) => [name, (await value) as unknown]);
      const options = Object.fromEntries(await Promise.all(parsed)) as Record<string, unknown>;
      const named = this.named(this.args) as Named;
      for (const [option, wanted] of this.needed) if (!options[option]) throw new UsageError(wanted);
      [this.io.json, this.io.yes] = [options['json'] === true, options['yes'] === true];
      this.exitCode = await work(this.io, options as Options, named);
    });
  }

  /**
   * The same, on the database that a start with this environment would use, or the embedded one that Otpost is running
   * on. What it takes is loaded when it runs: help and wrong usage are quick.
   */
  onDatabase<Options, Named>(work: (session: Session, options: Options, named: Named) => Promise<ExitCode>): this {
    return this.does<Options, Named>(async (io, options, named) => {
      const { withSession } = await import('./session.js');
      return withSession(io, (session) => work(session, options, named));
    });
  }

  /** The commands in this group; of the program: all of them. */
  get leaves(): Command[] {
    return this.commands.length === 0 ? [this] : (this.commands as Command[]).flatMap((command) => command.leaves);
  }

  /** @throws UsageError */
  async run(args: string[]): Promise<ExitCode> {
    this.refuseAmbiguous(args);
    try {
      await this.parseAsync(args, { from: 'user' });
    } catch (error) {
      throw error instanceof CommanderError ? new UsageError(this.wordsFor(error)) : error;
    }
    return this.exitCode;
  }

  override helpInformation(): string {
    const name = `otpost ${this.fullName}`;
    const usage = this.synopses.map((line, index) => {
      if (line.startsWith(' ')) return `${' '.repeat(`Usage: ${name}`.length)}${line}`;
      return `${index === 0 ? 'Usage: ' : '       '}${name} ${line}`.trimEnd();
    });
    const options = this.options.map(({ flags, description }) => [flags.replaceAll(/[<>]/g, ''), description] as const);
    const width = Math.max(...options.map(([flags]) => flags.length));
    const explained = options.map(
      ([flags, text]) => `  ${flags.padEnd(width)}  ${text.replaceAll('\n', `\n${' '.repeat(width + 4)}`)}`,
    );
    return [usage.join('\n'), this.description(), explained.join('\n'), this.notes].filter(Boolean).join('\n\n');
  }

  /** A value that begins with a dash is more often an option whose own value was left out. @throws UsageError */
  private refuseAmbiguous(args: string[]): void {
    const end = args.indexOf('--');
    for (const [index, arg] of args.slice(0, end === -1 ? undefined : end).entries()) {
      if (!/^-./.test(args[index + 1] ?? '') || !this.options.some(({ long, required }) => required && long === arg))
        continue;
      const hints = [
        `Did you forget to specify the option argument for '${arg}'?`,
        `To specify an option argument starting with a dash use '${arg}=-XYZ'.`,
      ];
      throw new UsageError([`Option '${arg}' argument is ambiguous.`, ...hints].join('\n'));
    }
  }

  /** As `parseArgs` of Node words them. */
  private wordsFor({ code, message }: CommanderError): string {
    const given = /'(.*)'/s.exec(message)?.[1] ?? '';
    switch (code) {
      case 'commander.excessArguments':
        return `Unexpected argument '${this.args[0]}'. This command does not take positional arguments`;
      case 'commander.optionMissingArgument':
        return `Option '${given.split(' ')[0]} <value>' argument missing`;
      case 'commander.unknownOption': {
        const flag = given.startsWith('--') ? given.replace(/=.*/s, '') : given.slice(0, 2);
        if (this.options.some(({ long }) => long === flag)) return `Option '${flag}' does not take an argument`;
        if (this.registeredArguments.length === 0) return `Unknown option '${flag}'`;
        return `Unknown option '${flag}'. To specify a positional argument starting with a '-', place it at the end of the command after '--', as in '-- "${flag}"`;
      }
      default:
        return message;
    }
  }
}
