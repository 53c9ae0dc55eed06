import { ApiProperty } from '@nestjs/swagger';
import type { Session } from '../../generated/prisma/client.js';
import { deviceWords } from '../notices/device-words.js';
import { endOf } from './session-policy.js';

export class SessionView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ description: 'The one that asks' })
  current!: boolean;

  @ApiProperty({ enum: ['code', 'link', 'password'], description: 'How it began' })
  method!: string;

  @ApiProperty({ type: String, nullable: true })
  userAgent!: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'Firefox on Linux', description: 'As far as the user agent tells' })
  device!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Where it began' })
  ip!: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ format: 'date-time' })
  lastUsedAt!: string;

  @ApiProperty({ format: 'date-time', description: 'Unless it is used again before, and 90 days after it began at the latest' })
  expiresAt!: string;

  static of(session: Session, currentId: string): SessionView {
    const { id, method, userAgent, ip, createdAt, lastUsedAt } = session;
    return {
      id,
      current: id === currentId,
      method,
      userAgent,
      device: deviceWords(userAgent),
      ip,
      createdAt: createdAt.toISOString(),
      lastUsedAt: lastUsedAt.toISOString(),
      expiresAt: endOf(session).toISOString(),
    };
  }
}

export class SessionListView {
  @ApiProperty({ type: [SessionView] })
  items!: SessionView[];

  @ApiProperty({ type: String, nullable: true, description: 'Always null: the list is whole' })
  nextCursor!: null;
}
