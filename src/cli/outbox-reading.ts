import type { Destination } from '../core/destination.js';
import type { EmailAddress } from '../core/email-address.js';
import { UUID } from '../core/ids.js';
import { type Lane, LANES } from '../core/lanes.js';
import { maskDestination, quote } from '../core/mask.js';
import { EmailStatus } from '../generated/prisma/enums.js';
import type { EmailRecord } from '../mail/outbox/records.js';
import type { FoundEmail } from '../mail/outbox/search.js';
import { destination, emailAddress, laneIn, moment, oneLine, oneOf, onlyOne, UsageError } from './arguments.js';
import type { Command } from './command.js';
import { type ExitCode, minute } from './io.js';
import type { Session } from './session.js';

const STATUSES = Object.values(EmailStatus);
/** Characters of what is looked for, as in the API. */
const MAX_WORD = 200;

const oneMessage = onlyOne('Name one message by its id; "otpost outbox list" shows them.');

/** The commands of `otpost outbox` that change nothing. */
export function declareReading(outbox: Command): void {
  outbox
    .command('list')
    .summary('show messages, newest first')
    .synopsis(
      '[--status STATUS] [--lane LANE] [--to ADDRESS] [--from ADDRESS] [--tag TAG]',
      ' [--template NAME] [--transport NAME] [--error-code CODE] [--q TEXT]',
      ' [--since TIME] [--until TIME] [--limit N] [--show-addresses] [--json]',
    )
    .description(
      `Shows messages without their content, newest first. All that is given must hold. Whom they go to is masked unless it is
asked for.`,
    )
    .option(
      '--status <STATUS>',
      `${STATUSES.slice(0, 7).join(', ')},\n${STATUSES.slice(7).join(', ')}`,
      oneOf('status', STATUSES),
    )
    .option('--lane <LANE>', LANES.join(', '), laneIn)
    .option('--to <ADDRESS>', 'those to this address, in To, Cc or Bcc, or to this number', destination('--to'))
    .option('--from <ADDRESS>', 'those from this address, of what API keys sent', emailAddress('--from'))
    .option('--tag <TAG>', 'those with this tag', word('--tag'))
    .option('--template <NAME>', 'those made of this template', word('--template'))
    .option('--transport <NAME>', 'those that this transport had last', word('--transport'))
    .option('--error-code <CODE>', 'those whose last attempt ended so, such as smtp_550', word('--error-code'))
    .option('--q <TEXT>', 'those with this in the subject or the last reply, in whatever case', word('--q'))
    .option('--since <TIME>', 'accepted at or after, such as 2030-01-31T09:00:00Z', moment('--since'))
    .option('--until <TIME>', 'accepted before', moment('--until'))
    .limited()
    .option('--show-addresses', 'show the recipients')
    .option('--json', 'print a list of objects')
    .onDatabase(list);

  outbox
    .command('show')
    .summary('show what became of a message')
    .synopsis('ID [--show-addresses] [--json]')
    .description(
      `Shows the state of a message, how each recipient fares, those included that were split off it because they fared
differently, and each change of its state. Its content is not shown. Addresses are masked unless they are asked for.`,
    )
    .takes((names) => idIn(oneMessage(names)))
    .option('--show-addresses', 'show the recipients, and what servers said word for word')
    .option('--json', 'print one document')
    .remark('Exit codes: 0 shown, 1 there is no such message.')
    .onDatabase(show);
}

/** @throws UsageError */
function word(flag: string): (text: string) => string {
  return (text) => {
    const line = oneLine(flag, MAX_WORD)(text);
    if (line === null) throw new UsageError(`${flag} is what the messages must have, and not empty.`);
    return line;
  };
}

/** @throws UsageError */
export function idIn(name: string): string {
  if (UUID.test(name)) return name;
  throw new UsageError(`"${name}" is no id of a message; "otpost outbox list" shows them.`);
}

interface Query {
  status?: EmailStatus;
  lane?: Lane;
  to?: Destination;
  from?: EmailAddress;
  tag?: string;
  template?: string;
  transport?: string;
  errorCode?: string;
  q?: string;
  since?: Date;
  until?: Date;
  limit: number;
  showAddresses?: true;
}

async function list({ io, prisma }: Session, { limit, showAddresses, ...query }: Query): Promise<ExitCode> {
  const { OutboxSearch } = await import('../mail/outbox/search.js');
  const { status, to, from, ...same } = query;
  const filter = {
    ...same,
    ...{ statuses: status && [status], to: to?.canonical, from: from?.stored.toLowerCase() },
  };
  const search = new OutboxSearch(prisma);
  const found: FoundEmail[] = [];
  let after: string | undefined;
  do {
    const page = await search.list(filter, { limit: limit - found.length, after });
    found.push(...page.items);
    after = page.next ?? undefined;
  } while (after !== undefined && found.length < limit);
  const shown = showAddresses ? (address: string) => address : maskDestination;
  return io.list(
    found.map((email): FoundEmail => {
      const recipients = email.recipients.map(shown);
      return { ...email, to: recipients.join(', '), recipients };
    }),
    {
      none: 'There is no such message.',
      heading: ['ACCEPTED', 'STATUS', 'LANE', 'TO', 'TRIES', 'BY', 'ERROR', 'ID'],
      row: rowOf,
    },
  );
}

function rowOf({ createdAt, status, lane, to, attempts, transport, lastErrorCode, id }: FoundEmail): string[] {
  return [minute(createdAt), status, lane, to, String(attempts), transport ?? '-', lastErrorCode ?? '-', id];
}

async function show(
  { io, prisma }: Session,
  { showAddresses }: { showAddresses?: true },
  id: string,
): Promise<ExitCode> {
  const { OutboxRecords } = await import('../mail/outbox/records.js');
  const record = await new OutboxRecords(prisma).find(id);
  if (!record) {
    io.err('There is no such message. Compare with: otpost outbox list');
    return 1;
  }
  const address = showAddresses ? (text: string) => text : maskDestination;
  const words = showAddresses ? (text: string | null) => text : (text: string | null) => text && quote(text);
  const recipients = record.fates.map((fate) => ({ ...fate, address: address(fate.address) }));
  const events = record.events.map(({ at, status, attempt, transport, errorCode, reply, worker }) => ({
    ...{ at, status, attempt, transport, errorCode, reply: words(reply), worker },
  }));
  if (io.json) io.out(JSON.stringify({ ...factsOf(record), lastReply: words(record.lastReply), recipients, events }));
  else {
    io.table(linesOf(record));
    io.out('');
    const fates = recipients.map((fate) => [
      fate.kind,
      fate.address,
      fate.status,
      fate.emailId === id ? '-' : fate.emailId,
    ]);
    io.table([['KIND', 'RECIPIENT', 'STATUS', 'SPLIT OFF AS'], ...fates]);
    io.out('');
    const rows = events.map((event) => [
      ...[minute(event.at), event.status, String(event.attempt), event.transport ?? '-', event.errorCode ?? '-'],
      event.reply ?? '-',
    ]);
    io.table([['AT', 'STATUS', 'TRY', 'BY', 'ERROR', 'REPLY'], ...rows]);
  }
  return 0;
}

function factsOf(record: EmailRecord): object {
  const { id, status, lane, subject, template, tags, attempts, maxAttempts, transport, messageId } = record;
  const { providerMessageId, lastErrorCode, possibleDuplicate, apiKeyId, splitFrom } = record;
  const { createdAt, scheduledAt, expiresAt, nextAttemptAt, sentAt } = record;
  return {
    ...{ id, status, lane, subject, template, tags, attempts, maxAttempts, transport, messageId, providerMessageId },
    ...{ lastErrorCode, possibleDuplicate, apiKeyId, splitFrom, createdAt, scheduledAt, expiresAt },
    ...{ nextAttemptAt: waits(status) ? nextAttemptAt : null, sentAt },
  };
}

function waits(status: EmailStatus): boolean {
  return status === 'scheduled' || status === 'queued' || status === 'deferred';
}

/** What there is nothing of is left out, but for the first few. */
function linesOf(record: EmailRecord): string[][] {
  const { id, status, lane, subject, template, tags, attempts, maxAttempts, transport, lastErrorCode } = record;
  const lines: [string, string | null][] = [
    ['ID', id],
    ['STATUS', record.possibleDuplicate ? `${status} (the recipient may have it twice)` : status],
    ['LANE', lane],
    ['SUBJECT', subject],
    ['TEMPLATE', template],
    ['TAGS', tags.join(', ') || null],
    ['TRIES', `${attempts} of ${maxAttempts}`],
    ['BY', transport],
    ['ERROR', lastErrorCode],
    ['ACCEPTED', minute(record.createdAt)],
    ['NEXT TRY', waits(status) ? minute(record.nextAttemptAt) : null],
    ['EXPIRES', record.expiresAt && minute(record.expiresAt)],
    ['SENT', record.sentAt && minute(record.sentAt)],
    ['MESSAGE-ID', record.messageId],
    ['API KEY', record.apiKeyId],
    ['SPLIT FROM', record.splitFrom],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== null);
}
