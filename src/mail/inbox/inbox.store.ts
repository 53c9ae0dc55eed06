import { Injectable } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { channelTo } from '../../core/destination.js';
import type { Channel } from '../../core/lanes.js';
import { type FieldError, Problem } from '../../core/problems.js';
import { KNOWN_MOMENT } from '../../core/shapes.js';
import { PrismaService } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';

const ON_ITS_OWN_LINE = /^[ \t]*(\d{3})[ \t\u00a0-]?(\d{3})[ \t]*\r?$/m;
/** Not part of a longer number, a word, a path, an address, a colour or a phone number. */
const IN_A_SENTENCE = /(?<![\w#./=@&?+-]|\d[ -])(\d{3})[ \u00a0-]?(\d{3})(?![\w/@-]|[.,:]\d|[ -]\d)/;

/** The six digits somebody waits for, without separators; undefined when the text holds none. */
export function findCode(text: string): string | undefined {
  const match = ON_ITS_OWN_LINE.exec(text) ?? IN_A_SENTENCE.exec(text);
  return match ? `${match[1]}${match[2]}` : undefined;
}

/** One line of the list. */
export class MessageSummary {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ example: 'ada@example.com' })
  to!: string;

  @ApiProperty({ example: 'no-reply@example.com' })
  from!: string;

  @ApiProperty()
  subject!: string;

  @ApiProperty(KNOWN_MOMENT)
  createdAt!: Date;

  @ApiProperty({ description: 'Octets of the whole message, as it would go over the wire.' })
  size!: number;

  @ApiProperty({ description: 'How the text begins, in one line of at most 120 characters.' })
  preview!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    example: '482913',
    description: 'The six-digit code found in the text, if there is one.',
  })
  code!: string | null;
}

export class Message extends MessageSummary {
  @ApiProperty()
  text!: string;

  @ApiProperty()
  html!: string;
}

export class MessageList {
  @ApiProperty({ type: [MessageSummary] })
  items!: MessageSummary[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Give it back as `cursor` for older messages; null at the end.',
  })
  nextCursor!: string | null;
}

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 100;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The place of a message in the list: what comes after it is older, whether or not it still exists itself. */
interface Position {
  createdAt: Date;
  id: string;
}

interface ListQuery {
  /** Stands in an address, the subject or the words; undefined: all. */
  q: string | undefined;
  /** Exactly as the message names it. */
  to: string | undefined;
  limit: number;
  after: Position | undefined;
  /** `after` as it was given. */
  cursor: string | undefined;
}

function isMessageId(id: string): boolean {
  return UUID.test(id);
}

/** Opaque to callers. */
export function cursorOf({ createdAt, id }: Position): string {
  return Buffer.from(`${createdAt.getTime()} ${id}`).toString('base64url');
}

/** Undefined when the cursor is not one of ours. */
export function positionOf(cursor: string): Position | undefined {
  const [time = '', id = '', ...rest] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  const createdAt = new Date(Number(time));
  if (rest.length > 0 || !/^\d{1,15}$/.test(time) || Number.isNaN(createdAt.getTime()) || !isMessageId(id))
    return undefined;
  return { createdAt, id };
}

/** @throws Problem `validation_failed` naming the parameters that cannot be used. */
export function readListQuery(query: { to?: unknown; q?: unknown; limit?: unknown; cursor?: unknown }): ListQuery {
  const errors: FieldError[] = [];
  const text = (field: 'to' | 'q' | 'limit' | 'cursor'): string | undefined => {
    const value = query[field];
    if (value === undefined || value === '') return undefined;
    if (typeof value === 'string') return value;
    errors.push({ field, code: 'once', message: `${field} may be given once` });
    return undefined;
  };

  const to = text('to');
  if (to?.includes('\0')) errors.push({ field: 'to', code: 'address', message: 'to must be an address' });
  const q = text('q')?.trim().replaceAll('\0', '') || undefined;
  const limit = text('limit');
  const cursor = text('cursor');
  const count = limit === undefined ? DEFAULT_LIMIT : /^\d{1,6}$/.test(limit) ? Number(limit) : 0;
  if (count < 1 || count > MAX_LIMIT) {
    errors.push({ field: 'limit', code: 'range', message: `limit must be a whole number from 1 to ${MAX_LIMIT}` });
  }
  const after = cursor === undefined ? undefined : positionOf(cursor);
  if (cursor !== undefined && after === undefined) {
    errors.push({ field: 'cursor', code: 'cursor', message: 'cursor must be a nextCursor of this list' });
  }
  if (errors.length > 0) throw new Problem('validation_failed', { errors });
  return { to, q, limit: count, after, cursor };
}

const PREVIEW_CHARACTERS = 120;
/** As much of a text as the list reads: codes stand near the top, and a list of long messages stays cheap. */
const OPENING_CHARACTERS = 2_000;

/** One step of a message. */
export interface Receipt {
  at: Date;
  status: string;
  attempt: number;
  transport: string | null;
  reply: string | null;
  worker: string | null;
}

export interface Captured {
  message: Message;
  /** By which it would have gone. */
  channel: Channel;
  /** The whole message as it would go over the wire: of mail MIME, of a text its words. */
  source: Buffer;
  /** Of the outbox. */
  emailId: string;
}

/** What is done with mail alone, asked for of a text. */
export function noMail({ message: { id } }: Captured, detail: string): Problem {
  return new Problem('not_found', { detail, remedy: `Look at its words and its receipt: /inbox/${id}` });
}

interface Row {
  id: string;
  to: string;
  from: string;
  subject: string;
  createdAt: Date;
  size: number;
}

/** What the `capture:` transport took, newest first. */
@Injectable()
export class InboxStore {
  constructor(private readonly prisma: PrismaService) {}

  /** Lists without reading the bodies: hence SQL, for `octet_length` and `left`. */
  async list({ to, q, limit, after }: Omit<ListQuery, 'cursor'>): Promise<MessageList> {
    const conditions = [
      Prisma.sql`true`,
      ...(to === undefined ? [] : [Prisma.sql`${to} = ANY (string_to_array(to_address, ', '))`]),
      ...(q === undefined
        ? []
        : [Prisma.sql`position(lower(${q}) IN lower(concat_ws(' ', to_address, from_address, subject, text))) > 0`]),
      ...(after === undefined
        ? []
        : [Prisma.sql`(created_at, id) < (${after.createdAt}::timestamptz, ${after.id}::uuid)`]),
    ];
    const rows = await this.prisma.statements.query<(Row & { opening: string })[]>`
      SELECT id, to_address AS "to", from_address AS "from", subject, created_at AS "createdAt",
             octet_length(source) AS size, left(text, ${OPENING_CHARACTERS}) AS opening
      FROM captured_messages
      WHERE ${Prisma.join(conditions, ' AND ')}
      ORDER BY created_at DESC, id DESC
      LIMIT ${limit + 1}`;
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map(({ opening, ...row }) => summarize(row, opening)),
      nextCursor: rows.length > limit && last ? cursorOf(last) : null,
    };
  }

  /** Undefined when there is no such message (any more). */
  async find(id: string): Promise<Captured | undefined> {
    const row = isMessageId(id) ? await this.prisma.capturedMessage.findUnique({ where: { id } }) : null;
    if (!row) return undefined;
    const { emailId, toAddress: to, fromAddress: from, subject, createdAt, text, html } = row;
    const source = Buffer.from(row.source);
    const summary = { id: row.id, to, from, subject, createdAt, size: source.byteLength };
    return { message: { ...summarize(summary, text), text, html }, channel: channelTo(to), source, emailId };
  }

  /** @throws Problem not_found */
  async get(id: string): Promise<Captured> {
    const found = await this.find(id);
    if (!found) throw new Problem('not_found', { detail: 'There is no such message (any more).' });
    return found;
  }

  /** Its way so far, in the words of the record; empty where that was removed. */
  async receipt({ emailId }: Captured): Promise<Receipt[]> {
    const events = await this.prisma.emailEvent.findMany({ where: { emailId }, orderBy: { id: 'asc' } });
    return events.map(({ at, status, attempt, transport, reply, worker }) => ({
      ...{ at, status, attempt, transport, reply, worker },
    }));
  }

  async clear(): Promise<void> {
    await this.prisma.capturedMessage.deleteMany();
  }
}

function summarize(row: Row, text: string): MessageSummary {
  const line = text.slice(0, OPENING_CHARACTERS).replace(/\s+/gu, ' ').trim();
  const preview = [...line].slice(0, PREVIEW_CHARACTERS).join('');
  return {
    id: row.id,
    to: row.to,
    from: row.from,
    subject: row.subject,
    createdAt: row.createdAt,
    size: row.size,
    preview,
    code: findCode(text) ?? null,
  };
}
