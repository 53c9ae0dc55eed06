import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { channelTo, type Destination } from '../core/destination.js';
import { parsePhoneNumber } from '../core/phone-number.js';
import { Problem } from '../core/problems.js';

/** Whether a code may go to a number at all. Addresses of mail pass. */
@Injectable()
export class SmsAdmission {
  constructor(private readonly settings: Settings) {}

  /** What is known without looking into any record. @throws Problem sms_not_configured, sms_country */
  require({ canonical }: Destination): void {
    if (channelTo(canonical) !== 'sms') return;
    const { transports, countries } = this.settings.sms;
    if (transports.length === 0) throw new Problem('sms_not_configured');
    const country = parsePhoneNumber(canonical)?.country;
    if (country === undefined || !countries.includes(country)) throw new Problem('sms_country');
  }
}
