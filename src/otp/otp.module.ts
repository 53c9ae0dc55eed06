import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module.js';
import { Challenges } from './challenges.js';
import { OtpController } from './otp.controller.js';
import { Otp } from './otp.js';

@Module({ imports: [MailModule], controllers: [OtpController], providers: [Challenges, Otp], exports: [Otp] })
export class OtpModule {}
