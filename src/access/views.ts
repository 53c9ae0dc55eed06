import { ApiProperty } from '@nestjs/swagger';
import type { ApiKeyRecord } from './api-keys.js';
import { SCOPES } from './scopes.js';

const MOMENT = { type: String, format: 'date-time', nullable: true } as const;

/** Everything but the key. */
export class ApiKeyView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ example: 'otp_live_Ab3xY', description: 'What the key begins with' })
  prefix!: string;

  @ApiProperty({ enum: SCOPES, isArray: true })
  scopes!: string[];

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ ...MOMENT, description: 'To the minute' })
  lastUsedAt!: string | null;

  @ApiProperty(MOMENT)
  expiresAt!: string | null;

  @ApiProperty(MOMENT)
  revokedAt!: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The key that took over when it was rotated' })
  replacedBy!: string | null;

  static of({ id, name, prefix, scopes, createdAt, lastUsedAt, expiresAt, revokedAt, replacedBy }: ApiKeyRecord): ApiKeyView {
    return {
      id,
      name,
      prefix,
      scopes,
      createdAt: createdAt.toISOString(),
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
      expiresAt: expiresAt?.toISOString() ?? null,
      revokedAt: revokedAt?.toISOString() ?? null,
      replacedBy,
    };
  }
}

export class CreatedKeyView extends ApiKeyView {
  @ApiProperty({ example: 'otp_live_…', description: 'Shown this once' })
  key!: string;
}

export class ApiKeyList {
  @ApiProperty({ type: [ApiKeyView] })
  items!: ApiKeyView[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}
