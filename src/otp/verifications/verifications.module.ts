import { Module } from '@nestjs/common';
import { AccessModule } from '../../access/access.module.js';
import { OtpModule } from '../otp.module.js';
import { Verifications } from './verifications.js';
import { VerificationsController } from './verifications.controller.js';

/** Codes for back ends. */
@Module({ imports: [AccessModule, OtpModule], controllers: [VerificationsController], providers: [Verifications] })
export class VerificationsModule {}
