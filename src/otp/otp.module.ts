import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module.js';
import { Admission } from './admission.js';
import { Challenges } from './challenges.js';
import { DeliveryController } from './delivery/delivery.controller.js';
import { DeliveryStreams } from './delivery/delivery-streams.js';
import { ToldDeliveries } from './delivery/told-deliveries.js';
import { DeviceTokens } from './device-token.js';
import { Disowning } from './disowning.js';
import { FailureBudgets } from './failure-budgets.js';
import { OtpMaintenance } from './maintenance.js';
import { OtpController } from './otp.controller.js';
import { Otp } from './otp.js';

@Module({ imports: [MailModule], controllers: [OtpController, DeliveryController], providers: [Admission, Challenges, DeliveryStreams, ToldDeliveries, DeviceTokens, Disowning, FailureBudgets, Otp, OtpMaintenance], exports: [Admission, DeliveryStreams, DeviceTokens, Disowning, FailureBudgets, Otp, ToldDeliveries] })
export class OtpModule {}
