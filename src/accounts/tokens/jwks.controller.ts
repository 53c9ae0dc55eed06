import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { JWK } from 'jose';
import { JWKS_MAX_AGE_SECONDS } from './signing-key-policy.js';
import { SigningKeys } from './signing-keys.js';

@ApiTags('sessions')
@Controller('.well-known')
export class JwksController {
  constructor(@Inject(SigningKeys) private readonly keys: SigningKeys) {}

  @Get('jwks.json')
  @Header('Cache-Control', `public, max-age=${JWKS_MAX_AGE_SECONDS}`)
  @ApiOperation({ summary: 'Public keys of access tokens', description: 'RFC 7517. Any back end verifies tokens with them.' })
  async jwks(): Promise<{ keys: JWK[] }> {
    return this.keys.jwks();
  }
}
