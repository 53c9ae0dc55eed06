import { ApiProperty } from '@nestjs/swagger';
import { GUARD_MODES, type GuardMode } from '../config/settings.js';
import type { CountedTraffic, SmsFigures } from '../otp/sms/sms-traffic.js';

class SmsTrafficView implements CountedTraffic {
  @ApiProperty({ example: 'PH', description: 'A country (ISO 3166-1), or a number without its last four digits' })
  key!: string;

  @ApiProperty({ description: 'Copies included' })
  messages!: number;

  @ApiProperty()
  codes!: number;

  @ApiProperty({ description: 'Codes that were given back' })
  verified!: number;

  @ApiProperty({ description: 'Requests that were refused' })
  refused!: number;

  @ApiProperty({
    description: 'Too few codes were given back: it gets none today, or would get none with SMS_GUARD=on',
  })
  closed!: boolean;
}

export class SmsView implements SmsFigures {
  @ApiProperty({ enum: GUARD_MODES, description: 'SMS_GUARD' })
  guard!: GuardMode;

  @ApiProperty()
  messages!: number;

  @ApiProperty({ description: 'SMS_DAILY' })
  daily!: number;

  @ApiProperty()
  refused!: number;

  @ApiProperty({ type: [SmsTrafficView] })
  countries!: SmsTrafficView[];

  @ApiProperty({ type: [SmsTrafficView], description: 'Blocks of numbers with the most codes that nobody gave back' })
  prefixes!: SmsTrafficView[];
}
