import { Module } from '@nestjs/common';
import { OtpModule } from '../otp/otp.module.js';
import { AccessTokens } from './access-tokens.js';
import { AccountsController } from './accounts.controller.js';
import { JwksController } from './jwks.controller.js';
import { AccountsMaintenance } from './maintenance.js';
import { Registration } from './registration.js';
import { Sessions } from './sessions.js';
import { SessionsController } from './sessions.controller.js';
import { SigningKeys } from './signing-keys.js';
import { Verification } from './verification.js';
import { VerificationController } from './verification.controller.js';

@Module({
  imports: [OtpModule],
  controllers: [AccountsController, VerificationController, SessionsController, JwksController],
  providers: [AccessTokens, AccountsMaintenance, Registration, Sessions, SigningKeys, Verification],
})
export class AccountsModule {}
