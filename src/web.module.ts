import { Module } from '@nestjs/common';
import { AccessApiModule } from './access/access.module.js';
import { AccountsModule } from './accounts/accounts.module.js';
import { StaffModule } from './accounts/staff.module.js';
import { AudiencesModule } from './audiences/audiences.module.js';
import { AuditModule } from './audit/audit.module.js';
import { BroadcastsModule } from './broadcasts/broadcasts.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { LimitsModule } from './limits/limits.module.js';
import { EmailsModule } from './mail/api/emails.controller.js';
import { UploadsModule } from './mail/files/uploads.controller.js';
import { HooksInModule } from './mail/hooks-in/hooks-in.controller.js';
import { HooksModule } from './mail/hooks/hooks.controller.js';
import { InboxModule } from './mail/inbox/inbox.controller.js';
import { SmtpSubmissionModule } from './mail/smtp-submission/listeners.js';
import { SuppressionsApiModule } from './mail/suppressions/suppressions.controller.js';
import { UnsubscribeModule } from './mail/unsubscribe/unsubscribe.js';
import { WebhooksApiModule } from './mail/webhooks/api/webhooks.controller.js';
import { AuditApiModule } from './operations/audit.controller.js';
import { ConsoleModule } from './operations/console.controller.js';
import { OverviewModule } from './operations/overview.controller.js';
import { OperationsModule } from './operations/operations.module.js';
import { VisitorMetricsModule } from './operations/process-metrics.js';
import { OtpModule } from './otp/otp.module.js';
import { VerificationsModule } from './otp/verifications/verifications.controller.js';

/** A process that answers requests and accepts mail. */
@Module({
  imports: [
    HttpModule,
    LimitsModule,
    AuditModule,
    AuditApiModule,
    AccessApiModule,
    AccountsModule,
    StaffModule,
    OtpModule,
    VerificationsModule,
    AudiencesModule,
    BroadcastsModule,
    EmailsModule,
    UploadsModule,
    SmtpSubmissionModule,
    HooksModule,
    HooksInModule,
    InboxModule,
    SuppressionsApiModule,
    UnsubscribeModule,
    WebhooksApiModule,
    HealthModule,
    OperationsModule,
    OverviewModule,
    ConsoleModule,
    VisitorMetricsModule,
  ],
})
export class WebModule {}
