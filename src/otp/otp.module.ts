import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module.js';
import { Challenges } from './challenges.js';
import { CodeChecker } from './code-checker.js';
import { CodeIssuer } from './code-issuer.js';
import { DeliveryStreams } from './delivery/delivery-streams.js';
import { DeliveryController } from './delivery/delivery.controller.js';
import { ToldDeliveries } from './delivery/told-deliveries.js';
import { DeviceTokens } from './device-token.js';
import { Disowning } from './disowning.js';
import { FailureBudgets } from './failure-budgets.js';
import { OtpMaintenance } from './maintenance.js';
import { OtpController } from './otp.controller.js';
import { SmsGuard } from './sms/sms-guard.js';

const FOR_OTHER_ROOMS = [
  CodeChecker,
  CodeIssuer,
  DeliveryStreams,
  DeviceTokens,
  Disowning,
  FailureBudgets,
  SmsGuard,
  ToldDeliveries,
];

@Module({
  imports: [MailModule],
  controllers: [OtpController, DeliveryController],
  providers: [...FOR_OTHER_ROOMS, Challenges, OtpMaintenance],
  exports: FOR_OTHER_ROOMS,
})
export class OtpModule {}
