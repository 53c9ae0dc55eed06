import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import { findCode } from './find-code.js';
import type { Message, MessageList, MessageSummary } from './inbox.messages.js';
import { cursorOf, isMessageId, type ListQuery } from './inbox.query.js';

const PREVIEW_CHARACTERS = 120;
/** As much of a text as the list reads: codes stand near the top, and a list of long messages stays cheap. */
const OPENING_CHARACTERS = 2_000;

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
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** Lists without reading the bodies: hence SQL, for `octet_length` and `left`. */
  async list({ to, limit, after }: Omit<ListQuery, 'cursor'>): Promise<MessageList> {
    const conditions = [
      Prisma.sql`true`,
      ...(to === undefined ? [] : [Prisma.sql`to_address = ${to}`]),
      ...(after === undefined ? [] : [Prisma.sql`(created_at, id) < (${after.createdAt}::timestamptz, ${after.id}::uuid)`]),
    ];
    const rows = await this.prisma.$queryRaw<(Row & { opening: string })[]>`
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

  /** Null when there is no such message (any more). */
  async one(id: string): Promise<Message | null> {
    const row = await this.row(id);
    if (!row) return null;
    const { text, html, subject, createdAt } = row;
    const summary = { id: row.id, to: row.toAddress, from: row.fromAddress, subject, createdAt, size: row.source.byteLength };
    return { ...summarize(summary, text), text, html };
  }

  /** The whole message as it would go over the wire. */
  async source(id: string): Promise<Buffer | null> {
    const row = await this.row(id);
    return row ? Buffer.from(row.source) : null;
  }

  async clear(): Promise<void> {
    await this.prisma.capturedMessage.deleteMany();
  }

  private async row(id: string) {
    return isMessageId(id) ? this.prisma.capturedMessage.findUnique({ where: { id } }) : null;
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
