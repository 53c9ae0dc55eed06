import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsString, Length, Matches } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../../../core/email-address.js';
import { IsMailAddress } from '../../../core/is-mail-address.js';
import { IsMoment } from '../../../core/is-moment.js';
import { MayBeLeftOut, MayBeNull } from '../../../core/left-out.js';
import { PageQuery } from '../../../core/page.js';
import { MAX_WORDS, SUPPRESSION_REASONS, SUPPRESSION_SCOPES, type SuppressionReason, type SuppressionScope } from '../suppression-policy.js';

const ADDRESS = { format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com' } as const;
const ONE_LINE = /^[^\p{Cc}\p{Zl}\p{Zp}]*$/u;
const ONE_LINE_MESSAGE = { message: 'must be one line without control characters' };

export class SuppressionQuery extends PageQuery {
  @ApiPropertyOptional({ ...ADDRESS, description: 'Of this address' })
  @MayBeLeftOut()
  @IsMailAddress()
  address?: string;

  @ApiPropertyOptional({ enum: SUPPRESSION_REASONS })
  @MayBeLeftOut()
  @IsIn(SUPPRESSION_REASONS)
  reason?: SuppressionReason;
}

export class AddSuppressionRequest {
  @ApiProperty(ADDRESS)
  @IsMailAddress()
  address!: string;

  @ApiPropertyOptional({ enum: ['manual'], default: 'manual', description: 'The other reasons are what servers, providers and recipients say' })
  @MayBeLeftOut()
  @IsIn(['manual'])
  reason?: 'manual';

  @ApiPropertyOptional({ enum: SUPPRESSION_SCOPES, default: 'all', description: '`bulk`: no newsletters; codes and ordinary mail still go there' })
  @MayBeLeftOut()
  @IsIn(SUPPRESSION_SCOPES)
  scope?: SuppressionScope;

  @ApiPropertyOptional({ format: 'date-time', nullable: true, type: String, description: 'It counts no longer from then on; left out: it does not expire' })
  @MayBeNull()
  @IsMoment()
  expiresAt?: string | null;

  @ApiPropertyOptional({ minLength: 1, maxLength: MAX_WORDS, nullable: true, type: String, description: 'For those who find it' })
  @MayBeNull()
  @IsString()
  @Length(1, MAX_WORDS)
  @Matches(ONE_LINE, ONE_LINE_MESSAGE)
  note?: string | null;
}

export class LiftSuppressionRequest {
  @ApiProperty(ADDRESS)
  @IsMailAddress()
  address!: string;

  @ApiPropertyOptional({ enum: SUPPRESSION_SCOPES, description: 'Left out: whatever stands against the address' })
  @MayBeLeftOut()
  @IsIn(SUPPRESSION_SCOPES)
  scope?: SuppressionScope;

  @ApiProperty({ minLength: 1, maxLength: MAX_WORDS, example: 'has a new mailbox, ticket 4711', description: 'Why, for the audit record; it must name no address' })
  @IsString()
  @Length(1, MAX_WORDS)
  @Matches(ONE_LINE, ONE_LINE_MESSAGE)
  @Matches(/\S/, { message: 'must say why' })
  @Matches(/^(?!.*\S@\S)/, { message: 'must name no address: it stays in the audit record' })
  reason!: string;
}
