import { Module } from '@nestjs/common';
import { AccountsModule } from './accounts/accounts.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { EmailsModule } from './mail/api/emails.module.js';
import { HooksModule } from './mail/hooks/hooks.module.js';
import { InboxModule } from './mail/inbox/inbox.module.js';
import { UnsubscribeModule } from './mail/unsubscribe/unsubscribe.module.js';
import { WebhooksApiModule } from './mail/webhooks/api/webhooks-api.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { OtpModule } from './otp/otp.module.js';

/** A process that answers requests and accepts mail. */
@Module({ imports: [HttpModule, AccountsModule, OtpModule, EmailsModule, HooksModule, InboxModule, UnsubscribeModule, WebhooksApiModule, HealthModule, OperationsModule] })
export class WebModule {}
