import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { JWK } from 'jose';
import { SigningKeys } from './signing-keys.js';

@ApiTags('sessions')
@Controller('.well-known')
export class JwksController {
  constructor(@Inject(SigningKeys) private readonly keys: SigningKeys) {}

  @Get('jwks.json')
  @Header('Cache-Control', 'public, max-age=300')
  @ApiOperation({ summary: 'Public keys of access tokens', description: 'RFC 7517. Any back end verifies tokens with them.' })
  jwks(): { keys: JWK[] } {
    return this.keys.jwks();
  }
}
