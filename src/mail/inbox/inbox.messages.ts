import { ApiProperty } from '@nestjs/swagger';

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

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: Date;

  @ApiProperty({ description: 'Octets of the whole message, as it would go over the wire.' })
  size!: number;

  @ApiProperty({ description: 'How the text begins, in one line of at most 120 characters.' })
  preview!: string;

  @ApiProperty({ type: String, nullable: true, example: '482913', description: 'The six-digit code found in the text, if there is one.' })
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

  @ApiProperty({ type: String, nullable: true, description: 'Give it back as `cursor` for older messages; null at the end.' })
  nextCursor!: string | null;
}
