import { Injectable } from '@nestjs/common';
import { type GuardMode, Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { PrismaService } from '../../database/prisma.service.js';
import { dayOf, type Traffic, verdictOn } from './guard-policy.js';

/** What was counted today, of one country or of a block of numbers. */
export interface CountedTraffic {
  /** ISO 3166-1, or a number without its last four digits. */
  key: string;
  messages: number;
  codes: number;
  verified: number;
  refused: number;
  /** It gets no further codes today; where the guard only records, it would get none. */
  closed: boolean;
}

export interface SmsFigures {
  guard: GuardMode;
  /** Messages today, and how many there may be. */
  messages: number;
  daily: number;
  refused: number;
  countries: CountedTraffic[];
  /** Those with the most codes that nobody gave back. */
  prefixes: CountedTraffic[];
}

/** Blocks of numbers that are shown. */
const SHOWN = 10;

type Row = Traffic & { key: string; refused: number };

/** Today's codes by SMS, for those who run this. */
@Injectable()
export class SmsTraffic {
  constructor(
    private readonly settings: Settings,
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
  ) {}

  async read(): Promise<SmsFigures> {
    const { daily, guard } = this.settings.sms;
    const today = dayOf(this.clock.now());
    const rows = await this.prisma.statements.query<Row[]>`
      (SELECT kind, key, messages, codes, verified, refused FROM sms_traffic
        WHERE day = ${today}::date AND kind IN ('all', 'country') ORDER BY kind, key)
      UNION ALL
      (SELECT kind, key, messages, codes, verified, refused FROM sms_traffic
        WHERE day = ${today}::date AND kind = 'prefix' AND codes > verified ORDER BY codes - verified DESC, key LIMIT ${SHOWN})`;
    const all = rows.find(({ kind }) => kind === 'all');
    const of = (kind: Traffic['kind']): CountedTraffic[] =>
      rows.filter((row) => row.kind === kind).map((row) => counted(row, daily));
    return {
      guard,
      messages: all?.messages ?? 0,
      daily,
      refused: all?.refused ?? 0,
      countries: of('country'),
      prefixes: of('prefix'),
    };
  }
}

function counted({ kind, key, messages, codes, verified, refused }: Row, daily: number): CountedTraffic {
  // As the next code would find it.
  const next = { kind, messages: messages + 1, codes: codes + 1, verified };
  return { key, messages, codes, verified, refused, closed: verdictOn([next], { daily }).kind === 'closed' };
}
