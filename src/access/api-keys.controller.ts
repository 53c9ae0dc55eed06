import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Doer } from '../audit/audit.js';
import { Clock } from '../core/clock.js';
import { boundsOf, pageOf, PageQuery } from '../core/page.js';
import { Problem } from '../core/problems.js';
import { UUID, uuidPipe } from '../core/uuid.pipe.js';
import { AccessGuard, Allow, By } from './access.guard.js';
import { ApiKeys } from './api-keys.js';
import { KeyChanges } from './key-changes.js';
import { DEFAULT_OVERLAP_HOURS, lifetimeFault } from './key-policy.js';
import { CreateKeyRequest, RotateKeyRequest } from './requests.js';
import { ApiKeyList, ApiKeyView, CreatedKeyView } from './views.js';

const SCOPE = 'Scope admin, or an admin.';
const KeyIdPipe = uuidPipe('api_key_not_found');

/** The keys of back ends. A key itself is in the answer that made it, and nowhere else. */
@ApiTags('api keys')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Allow({ scope: 'admin' })
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(
    @Inject(ApiKeys) private readonly keys: ApiKeys,
    @Inject(KeyChanges) private readonly changes: KeyChanges,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Make a key', description: `${SCOPE} The key is in this answer and never again.` })
  @ApiResponse({ status: 201, type: CreatedKeyView })
  async create(@Body() { name, scopes, expiresAt }: CreateKeyRequest, @By() by: Doer): Promise<CreatedKeyView> {
    const end = expiresAt ? new Date(expiresAt) : null;
    const fault = end && lifetimeFault(end, this.clock.now());
    if (fault) throw new Problem('validation_failed', { errors: [{ field: 'expiresAt', ...fault }] });
    const { key, record } = await this.changes.create({ name, scopes, expiresAt: end }, by);
    return { ...ApiKeyView.of(record), key };
  }

  @Get()
  @ApiOperation({ summary: 'All keys, without the keys themselves', description: `${SCOPE} Those that are over too; oldest first.` })
  @ApiResponse({ status: 200, type: ApiKeyList })
  async list(@Query() query: PageQuery): Promise<ApiKeyList> {
    const { limit, after } = boundsOf(query, UUID);
    return pageOf(await this.keys.list({ limit: limit + 1, after }), limit, (record) => ApiKeyView.of(record));
  }

  @Get(':id')
  @ApiOperation({ summary: 'One key, without the key itself', description: SCOPE })
  @ApiResponse({ status: 200, type: ApiKeyView })
  async read(@Param('id', KeyIdPipe) id: string): Promise<ApiKeyView> {
    const record = await this.keys.find(id);
    if (!record) throw new Problem('api_key_not_found');
    return ApiKeyView.of(record);
  }

  @Post(':id/rotate')
  @ApiOperation({ summary: 'A new key in its place', description: `${SCOPE} Same name, scopes and lifetime; the former one works until the overlap ends.` })
  @ApiResponse({ status: 201, type: CreatedKeyView })
  async rotate(@Param('id', KeyIdPipe) id: string, @Body() body: RotateKeyRequest, @By() by: Doer): Promise<CreatedKeyView> {
    const result = await this.changes.rotate(id, body.overlapHours ?? DEFAULT_OVERLAP_HOURS, by);
    switch (result.kind) {
      case 'rotated':
        return { ...ApiKeyView.of(result.record), key: result.key };
      case 'over':
        throw new Problem('api_key_over', {
          detail: result.why === 'rotated' ? 'The API key has a successor already.' : `The API key ${result.why === 'revoked' ? 'was revoked' : 'has expired'}.`,
          extensions: { replacedBy: result.record.replacedBy },
        });
      default:
        throw new Problem('api_key_not_found');
    }
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Make a key invalid, at once', description: SCOPE })
  @ApiResponse({ status: 204 })
  async revoke(@Param('id', KeyIdPipe) id: string, @By() by: Doer): Promise<void> {
    const { kind } = await this.changes.revoke(id, by);
    if (kind === 'not_found') throw new Problem('api_key_not_found');
  }
}
