import type { Readable } from 'node:stream';
import { Controller, Module, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiConsumes, ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Problems } from '../../core/problem-docs.js';
import { AccessGuard, AllowBeforeBody, Caller, type CallerIdentity } from '../../access/access.guard.js';
import { AccessModule } from '../../access/access.module.js';
import { Limits } from '../../limits/limits.js';
import { FilesModule } from './files.module.js';
import { FILE_LIMIT, KEPT_HOURS, StoredFiles, tooLarge } from './stored-files.js';

class UploadView {
  @ApiProperty({
    format: 'uuid',
    description: `Names the file in attachments. It is kept for ${KEPT_HOURS} hours, and for as long as a message needs it.`,
  })
  uploadId!: string;

  @ApiProperty({ description: 'Bytes that came' })
  size!: number;

  @ApiProperty({ pattern: '^[0-9a-f]{64}$', description: 'Of these bytes, in hex' })
  sha256!: string;
}

/** Files that messages will carry, sent ahead of them and once. */
@ApiTags('emails')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/uploads')
class UploadsController {
  constructor(
    private readonly files: StoredFiles,
    private readonly limits: Limits,
  ) {}

  @Post()
  @AllowBeforeBody({ scope: 'emails:send' }, { bodyLimit: FILE_LIMIT, large: 'streamed' })
  @ApiConsumes('application/octet-stream')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiOperation({
    summary: 'Upload a file for attachments',
    description:
      'Scope emails:send, or an admin. Up to 25 MiB. The same bytes have the same id, however often they come.',
  })
  @ApiResponse({ status: 201, type: UploadView })
  @Problems('rate_limited', 'validation_failed')
  async upload(@Caller() caller: CallerIdentity, @Req() request: FastifyRequest): Promise<UploadView> {
    await this.limits.takeKey(caller.kind === 'api_key' ? caller.key.id : caller.member.accountId);
    if (Number(request.headers['content-length'] ?? 0) > FILE_LIMIT) throw tooLarge(FILE_LIMIT);
    const { id, size, sha256 } = await this.files.store(bodyOf(request));
    return { uploadId: id, size, sha256 };
  }
}

/** Of an empty file there is no stream. */
function bodyOf({ body }: FastifyRequest): AsyncIterable<Uint8Array> | Readable {
  return (body as Readable | undefined) ?? nothing();
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

@Module({ imports: [AccessModule, FilesModule], controllers: [UploadsController] })
export class UploadsModule {}
