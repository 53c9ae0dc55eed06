import { Inject, Injectable } from '@nestjs/common';
import { productOf } from '../config/product-name.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { parseEmailAddress } from '../core/email-address.js';
import { Keyring } from '../core/keyring.js';
import { inBothForms, type MailContent } from './both-forms.js';
import type { ClaimedEmail } from './email-rows.js';
import { inLines } from './line-ends.js';
import { Templates } from './templates.js';
import type { ComposedMessage } from './transport/transport.js';
import { UnsubscribeLink } from './unsubscribe/unsubscribe-link.js';

/** Binds sealed variables to their row. */
export function sealContext(emailId: string): string {
  return `email:${emailId}`;
}

/** Turns a claimed row into the message that goes over the wire. */
@Injectable()
export class Composer {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(Keyring) private readonly keyring: Keyring,
    @Inject(Templates) private readonly templates: Templates,
    @Inject(UnsubscribeLink) private readonly unsubscribe: UnsubscribeLink,
  ) {}

  /** @throws UnsealError when the secret that sealed the content is not configured here; TemplateError, UnknownTemplateError. */
  async compose(email: ClaimedEmail, now: Date): Promise<ComposedMessage> {
    const { id, messageId, from, to, replyTo } = email;
    const headers = this.headers(email);
    const { subject, text, html } = await this.content(email, now);
    return { id, messageId, from, to, date: now, headers, ...(replyTo ? { replyTo } : {}), subject, text: inLines(text), html: inLines(html) };
  }

  /**
   * RFC 3834 §5, and for Exchange, which knows nothing of it, [MS-OXCMAIL] §2.1.3.2.20: all but NDR, for reports of
   * non-delivery are what tells us of an address that does not exist. RFC 8058 for bulk mail, which Gmail and Yahoo ask for.
   */
  private headers({ id, lane, to }: ClaimedEmail): Record<string, string> {
    const automatic = { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'DR, RN, NRN, OOF, AutoReply' };
    if (lane !== 'bulk') return automatic;
    const url = this.unsubscribe.make({ emailId: id, addressCanonical: parseEmailAddress(to)?.canonical ?? to.toLowerCase() });
    return {
      ...automatic,
      'List-Unsubscribe': `<${url}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    };
  }

  private async content(email: ClaimedEmail, now: Date): Promise<MailContent> {
    const opened = this.open(email);
    if (email.template === null) return inBothForms(opened as { subject: string; text?: string; html?: string });
    return this.templates.render(email.template, email.locale, {
      ...opened,
      product: productOf(this.settings),
      minutes: minutesLeft(email.expiresAt, now),
    });
  }

  private open({ id, sealedVariables, sealKeyId }: ClaimedEmail): Record<string, unknown> {
    if (sealedVariables === null) return {};
    const opened = this.keyring.open({ keyId: sealKeyId, bytes: sealedVariables }, sealContext(id));
    return JSON.parse(opened) as Record<string, unknown>;
  }
}

function minutesLeft(expiresAt: Date | null, now: Date): number | undefined {
  return expiresAt ? Math.max(1, Math.round((expiresAt.getTime() - now.getTime()) / 60_000)) : undefined;
}
