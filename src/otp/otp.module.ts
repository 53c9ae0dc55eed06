import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module.js';
import { Challenges } from './challenges.js';
import { OtpMaintenance } from './maintenance.js';
import { OtpController } from './otp.controller.js';
import { Otp } from './otp.js';

@Module({ imports: [MailModule], controllers: [OtpController], providers: [Challenges, Otp, OtpMaintenance], exports: [Otp] })
export class OtpModule {}
