import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import { domainOf, parseEmailAddress } from '../core/email-address.js';
import { Keyring } from '../core/keyring.js';
import { inBothForms, type MailContent } from './both-forms.js';
import type { ClaimedEmail } from './email-rows.js';
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
    return { id, messageId, from, to, date: now, headers, ...(replyTo ? { replyTo } : {}), ...(await this.content(email, now)) };
  }

  /** RFC 3834 §5 for all; RFC 8058 for bulk mail, which Gmail and Yahoo ask for. */
  private headers({ id, lane, to }: ClaimedEmail): Record<string, string> {
    if (lane !== 'bulk') return { 'Auto-Submitted': 'auto-generated' };
    const url = this.unsubscribe.make({ emailId: id, addressCanonical: parseEmailAddress(to)?.canonical ?? to.toLowerCase() });
    return {
      'Auto-Submitted': 'auto-generated',
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

/** How mails call the product: the sender's display name, or else its domain. */
function productOf({ mail: { from } }: Settings): string {
  return from.name || domainOf(from.address);
}

function minutesLeft(expiresAt: Date | null, now: Date): number | undefined {
  return expiresAt ? Math.max(1, Math.round((expiresAt.getTime() - now.getTime()) / 60_000)) : undefined;
}
