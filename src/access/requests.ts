import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsIn, IsInt, IsString, Length, Matches, Max, Min } from 'class-validator';
import { IsMoment } from '../core/is-moment.js';
import { MayBeLeftOut, MayBeNull } from '../core/left-out.js';
import { DEFAULT_OVERLAP_HOURS, MAX_NAME_LENGTH, MAX_OVERLAP_HOURS } from './key-policy.js';
import { type Scope, SCOPES } from './scopes.js';

export class CreateKeyRequest {
  @ApiProperty({ minLength: 1, maxLength: MAX_NAME_LENGTH, example: 'billing', description: 'What the key is for' })
  @IsString()
  @Length(1, MAX_NAME_LENGTH)
  @Matches(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, { message: 'must be one line without control characters' })
  @Matches(/^\S(.*\S)?$/u, { message: 'must not begin or end with a blank' })
  name!: string;

  @ApiProperty({ enum: SCOPES, isArray: true, description: 'What it may do; admin includes the others' })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(SCOPES.length)
  @ArrayUnique()
  @IsIn(SCOPES, { each: true })
  scopes!: Scope[];

  @ApiPropertyOptional({ format: 'date-time', nullable: true, type: String, description: 'It opens nothing from then on; left out: it does not expire' })
  @MayBeNull()
  @IsMoment()
  expiresAt?: string | null;
}

export class RotateKeyRequest {
  @ApiPropertyOptional({ minimum: 0, maximum: MAX_OVERLAP_HOURS, default: DEFAULT_OVERLAP_HOURS, description: 'Hours for which the former key works beside the new one' })
  @MayBeLeftOut()
  @IsInt()
  @Min(0)
  @Max(MAX_OVERLAP_HOURS)
  overlapHours?: number;
}
