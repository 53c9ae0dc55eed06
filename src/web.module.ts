import { Module } from '@nestjs/common';
import { AccessApiModule } from './access/access-api.module.js';
import { AccountsModule } from './accounts/accounts.module.js';
import { StaffModule } from './accounts/administration/staff.module.js';
import { AuditModule } from './audit/audit.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { LimitsModule } from './limits/limits.module.js';
import { EmailsModule } from './mail/api/emails.module.js';
import { HooksModule } from './mail/hooks/hooks.module.js';
import { InboxModule } from './mail/inbox/inbox.module.js';
import { SuppressionsApiModule } from './mail/suppressions/api/suppressions-api.module.js';
import { UnsubscribeModule } from './mail/unsubscribe/unsubscribe.module.js';
import { WebhooksApiModule } from './mail/webhooks/api/webhooks-api.module.js';
import { AuditApiModule } from './operations/audit-api.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { VisitorMetricsModule } from './operations/visitor-metrics.module.js';
import { OtpModule } from './otp/otp.module.js';
import { VerificationsModule } from './otp/verifications/verifications.module.js';

/** A process that answers requests and accepts mail. */
@Module({ imports: [HttpModule, LimitsModule, AuditModule, AuditApiModule, AccessApiModule, AccountsModule, StaffModule, OtpModule, VerificationsModule, EmailsModule, HooksModule, InboxModule, SuppressionsApiModule, UnsubscribeModule, WebhooksApiModule, HealthModule, OperationsModule, VisitorMetricsModule] })
export class WebModule {}
