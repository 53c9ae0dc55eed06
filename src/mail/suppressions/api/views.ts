import { ApiProperty } from '@nestjs/swagger';
import { SUPPRESSION_REASONS, SUPPRESSION_SCOPES } from '../suppression-policy.js';
import type { SuppressionRecord } from '../suppression-records.js';

const MOMENT = { type: String, format: 'date-time' } as const;

export class SuppressionView {
  @ApiProperty({ description: 'A number, as text; the audit record names it so' })
  id!: string;

  @ApiProperty({ format: 'email', description: 'In lower case, its domain in punycode' })
  address!: string;

  @ApiProperty({ enum: SUPPRESSION_SCOPES, description: '`bulk`: no newsletters; codes and ordinary mail still go there' })
  scope!: string;

  @ApiProperty({ enum: SUPPRESSION_REASONS })
  reason!: string;

  @ApiProperty({ example: 'postmark', description: 'What told us: a transport, a provider, dsn, one_click, page, api_key, account, operator' })
  source!: string;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The message whose fate put it here, the last of them' })
  emailId!: string | null;

  @ApiProperty({ type: String, nullable: true })
  note!: string | null;

  @ApiProperty(MOMENT)
  createdAt!: string;

  @ApiProperty({ ...MOMENT, description: 'When it bounced last, or was added last' })
  lastSeenAt!: string;

  @ApiProperty({ ...MOMENT, nullable: true, description: 'It counts no longer from then on; null: until it is lifted' })
  expiresAt!: string | null;

  static of({ id, address, scope, reason, source, emailId, note, createdAt, lastSeenAt, expiresAt }: SuppressionRecord): SuppressionView {
    const times = { createdAt: createdAt.toISOString(), lastSeenAt: lastSeenAt.toISOString(), expiresAt: expiresAt?.toISOString() ?? null };
    return { id: String(id), address, scope, reason, source, emailId, note, ...times };
  }
}

export class SuppressionList {
  @ApiProperty({ type: [SuppressionView] })
  items!: SuppressionView[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}
