import { ApiProperty } from '@nestjs/swagger';
import { MOMENT, WORD } from '../core/shapes.js';
import { MOST_FAULTS } from './import-batches.js';
import type { ImportRecord } from './imports.js';

class ImportFaultView {
  @ApiProperty({ description: 'From 1 on, the header line included; 0: the file as a whole' })
  line!: number;

  @ApiProperty({
    example: 'invalid_address',
    description: 'Stable; `duplicate` is a row that was taken, and told all the same',
  })
  code!: string;

  @ApiProperty({ example: 'its address is not an e-mail address' })
  message!: string;
}

class ImportTotals {
  @ApiProperty({ description: 'Lines that were worked off' })
  lines!: number;

  @ApiProperty({ description: 'Subscribers that were not there' })
  created!: number;

  @ApiProperty({ description: 'Subscribers that were there, and have what the file says' })
  updated!: number;

  @ApiProperty({ description: 'Rows of an address that an earlier line has: the later one holds' })
  duplicates!: number;

  @ApiProperty({ description: 'Rows of people who left, bounced or complained: they stay as they are' })
  kept!: number;

  @ApiProperty({ description: 'Rows that were not taken' })
  bad!: number;
}

export class ImportView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: ['running', 'done', 'failed'] })
  status!: 'running' | 'done' | 'failed';

  @ApiProperty({ ...WORD, example: 'address_column_missing', description: 'Why it failed' })
  errorCode!: string | null;

  @ApiProperty({ enum: ['csv', 'ndjson'] })
  format!: string;

  @ApiProperty({ ...WORD, example: ';', description: 'Of a CSV, as its header line tells' })
  delimiter!: string | null;

  @ApiProperty({ type: [String], description: 'What its columns are called here, from the left' })
  columns!: string[];

  @ApiProperty({ description: 'Bytes' })
  size!: number;

  @ApiProperty({ description: 'Bytes that were worked off' })
  position!: number;

  @ApiProperty()
  totals!: ImportTotals;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' }, description: 'Bad rows by their code' })
  badByCode!: Record<string, number>;

  @ApiProperty({ type: [ImportFaultView], description: `Rows with something to tell, the first ${MOST_FAULTS}` })
  faults!: ImportFaultView[];

  @ApiProperty({ description: 'How many more there are' })
  moreFaults!: number;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty(MOMENT)
  finishedAt!: string | null;

  static of(record: ImportRecord): ImportView {
    const { id, errorCode, format, size, position, line, created, updated, duplicates, kept, bad, faults } = record;
    const header = record.header as { delimiter: string; columns: (string | null)[] } | null;
    return {
      ...{ id, errorCode, format, size, position },
      status: record.finishedAt === null ? 'running' : errorCode === null ? 'done' : 'failed',
      delimiter: header?.delimiter ?? null,
      columns: header?.columns.map((column) => column ?? '') ?? [],
      totals: { lines: line, created, updated, duplicates, kept, bad },
      badByCode: record.badByCode as Record<string, number>,
      faults: faults.map(({ line: at, code, message }) => ({ line: at, code, message })),
      moreFaults: Math.max(0, bad + duplicates - faults.length),
      createdAt: record.createdAt.toISOString(),
      finishedAt: record.finishedAt?.toISOString() ?? null,
    };
  }
}

export class ImportList {
  @ApiProperty({ type: [ImportView] })
  items!: ImportView[];

  @ApiProperty(WORD)
  nextCursor!: string | null;
}
