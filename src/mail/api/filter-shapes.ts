import { ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsString, Length, Matches, ValidateBy } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../../core/email-address.js';
import { UUID } from '../../core/ids.js';
import { IsDestination, IsMailAddress, IsMoment, MayBeLeftOut } from '../../core/input.js';
import { type Lane, LANES } from '../../core/lanes.js';
import { PageQuery } from '../../core/page.js';
import { type AskedFilter, statusesIn } from '../outbox/asked-filter.js';
import { STATUSES } from './shapes.js';

/** Characters of what is looked for. */
export const MAX_WORD = 200;

function AreStatuses(): PropertyDecorator {
  return ValidateBy({
    name: 'status',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'string' &&
        value.length <= MAX_WORD &&
        statusesIn(value).every((one) => STATUSES.includes(one)),
      defaultMessage: () => `must be one or several of ${STATUSES.join(', ')}, with commas between them`,
    },
  });
}

/** A `+` that stands in a query as it is means a blank there: of a number it is meant. */
function withPlus(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/^ (?=[\d\s().-]+$)/, '+') : value;
}

/** Which messages. Of filters that are given, all must hold. */
export class EmailFilterFields implements AskedFilter {
  @ApiPropertyOptional({ example: 'failed,deferred', description: `One or several of ${STATUSES.join(', ')}` })
  @MayBeLeftOut()
  @AreStatuses()
  status?: string;

  @ApiPropertyOptional({
    maxLength: MAX_ADDRESS_LENGTH,
    example: 'ada@example.com',
    description: 'To this address, in To, Cc or Bcc; or to this number, in E.164 such as +639171234567',
  })
  @MayBeLeftOut()
  @Transform(({ value }) => withPlus(value))
  @IsDestination('invalid_address')
  to?: string;

  @ApiPropertyOptional({
    format: 'email',
    maxLength: MAX_ADDRESS_LENGTH,
    description: 'From this address; of what API keys sent',
  })
  @MayBeLeftOut()
  @IsMailAddress()
  from?: string;

  @ApiPropertyOptional({ minLength: 1, maxLength: MAX_WORD })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_WORD)
  template?: string;

  @ApiPropertyOptional({ minLength: 1, maxLength: MAX_WORD })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_WORD)
  tag?: string;

  @ApiPropertyOptional({ enum: LANES })
  @MayBeLeftOut()
  @IsIn(LANES)
  lane?: Lane;

  @ApiPropertyOptional({ minLength: 1, maxLength: MAX_WORD, description: 'Which took it last' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_WORD)
  transport?: string;

  @ApiPropertyOptional({ minLength: 1, maxLength: MAX_WORD, example: 'smtp_550', description: 'lastErrorCode' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_WORD)
  errorCode?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Sent by this API key' })
  @MayBeLeftOut()
  @IsString()
  @Matches(UUID, { message: 'must be the id of an API key' })
  apiKey?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Of this broadcast' })
  @MayBeLeftOut()
  @IsString()
  @Matches(UUID, { message: 'must be the id of a broadcast' })
  broadcast?: string;

  @ApiPropertyOptional({
    minLength: 1,
    maxLength: MAX_WORD,
    description: 'A part of the subject, or of what the server said last, in whatever case',
  })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_WORD)
  q?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Accepted at or after' })
  @MayBeLeftOut()
  @IsMoment()
  since?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Accepted before' })
  @MayBeLeftOut()
  @IsMoment()
  until?: string;
}

export class EmailListQuery extends IntersectionType(EmailFilterFields, PageQuery) {}
