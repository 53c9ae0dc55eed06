import { Injectable } from '@nestjs/common';
import { productOf, Settings } from '../../config/settings.js';
import { Keyring } from '../../core/keyring.js';
import { channelOf } from '../../core/lanes.js';
import { sealContext } from '../../database/resealing.js';
import { StoredFiles } from '../files/stored-files.js';
import { type KeptEmail, recipientsOf } from '../outbox/email-rows.js';
import { inLines, writeMailbox } from '../transport/mailbox.js';
import { fieldNamesOf } from '../transport/given-mime.js';
import type { ComposedAttachment, ComposedMessage } from '../transport/transport.js';
import { BroadcastWords } from './broadcast-words.js';
import {
  type AttachedFile,
  type Fields,
  type KeptMime,
  SEALED_CONTENT,
  SEALED_SHARED_CONTENT,
  type SharedContent,
  type Variables,
} from './stored-content.js';
import { SAMPLE_MINUTES } from './template-policy.js';
import { inBothForms, type MailContent, minutesLeft, type Template, Templates } from './templates.js';
import { UnsubscribeLink } from './unsubscribe-link.js';
import { withUnsubscribeFooter } from './unsubscribe-footer.js';

/** Content that was erased while its message waited: nobody can send it any more. */
export class ContentErasedError extends Error {
  override readonly name = 'ContentErasedError';
}

/** The words of a message, opened. */
export type OpenedContent = { words: Variables | Fields } & Partial<SharedContent>;

/** How its recipient leaves: the page, and what says so in the head of the message. */
interface WayToLeave {
  url: string;
  headers: Record<string, string>;
}

/** Turns a claimed row into the message that goes over the wire. */
@Injectable()
export class Composer {
  private readonly broadcasts = new BroadcastWords();

  constructor(
    private readonly settings: Settings,
    private readonly keyring: Keyring,
    private readonly templates: Templates,
    private readonly unsubscribe: UnsubscribeLink,
    private readonly files: StoredFiles,
  ) {}

  /**
   * Opens what a message is made of. @throws UnsealError when the secret that sealed it is not configured here;
   * ContentErasedError
   */
  open(email: KeptEmail): OpenedContent {
    const { id, sealedVariables, sealKeyId, contentId, sealedContent, contentKeyId } = email;
    if (contentId === null) {
      if (sealedVariables === null) return { words: {} };
      return { words: this.unseal(sealKeyId, sealedVariables, sealContext(SEALED_CONTENT, id)) as Variables };
    }
    if (sealedContent === null || contentKeyId === null) throw new ContentErasedError('the content was erased');
    const shared = this.unseal(
      contentKeyId,
      sealedContent,
      sealContext(SEALED_SHARED_CONTENT, contentId),
    ) as SharedContent;
    // Whoever was removed takes with them what is said of them.
    if (shared.broadcast && email.subscriber === null) throw new ContentErasedError('the subscriber was removed');
    return { words: {}, ...shared };
  }

  /** @throws TemplateError, UnknownTemplateError */
  async compose(email: KeptEmail, opened: OpenedContent, now: Date): Promise<ComposedMessage> {
    const { id, messageId, from, replyTo } = email;
    const recipients = recipientsOf(email);
    if (channelOf(email.lane) === 'sms') return this.text(email, opened, now);
    if (opened.mime) return this.composedBySender(email, opened, opened.mime, now);
    const leave = this.wayToLeave(email, opened.unsubscribe, () => Object.keys(opened.headers ?? {}));
    const headers = this.headers(opened, leave);
    const { subject, text, html } = await this.content(email, opened, leave?.url, now);
    return {
      ...{ id, messageId, from, recipients, headers },
      to: opened.to ?? recipients.map(writeMailbox),
      cc: opened.cc ?? [],
      replyTo: opened.replyTo ?? (replyTo ? [replyTo] : []),
      date: now,
      subject,
      text: inLines(text),
      html: inLines(html),
      attachments: await this.attachments(opened.attachments ?? []),
    };
  }

  /** An SMS, which is text alone. @throws TemplateError, UnknownTemplateError, ContentErasedError */
  private text(email: KeptEmail, { words }: OpenedContent, now: Date): ComposedMessage {
    const { id, messageId, from, template, locale, expiresAt } = email;
    const recipients = recipientsOf(email);
    if (template === null) throw new ContentErasedError('a text has a template');
    const { domain } = this.settings.sms;
    const ours = { product: productOf(this.settings), minutes: minutesLeft(expiresAt, now) };
    return {
      ...{ id, messageId, from, recipients, date: now, ...(expiresAt && { expiresAt }) },
      ...{ to: recipients.map(({ address }) => address), cc: [], replyTo: [], headers: {} },
      ...{ subject: '', html: '', attachments: [] },
      text: this.templates.renderSms(template, locale, { ...words, ...ours }, domain),
    };
  }

  /**
   * Nothing of it is changed. Bulk mail without a way to leave gets one before its first field, which no signature
   * covers.
   */
  private async composedBySender(
    email: KeptEmail,
    opened: OpenedContent,
    { subject, returnPath, source }: KeptMime,
    now: Date,
  ): Promise<ComposedMessage> {
    const { id, messageId, from } = email;
    const recipients = recipientsOf(email);
    const mime = typeof source === 'string' ? Buffer.from(source, 'base64') : await this.files.read(source.fileId);
    return {
      ...{ id, messageId, from, recipients, subject, mime },
      ...(returnPath === undefined ? {} : { returnPath }),
      headers: this.wayToLeave(email, opened.unsubscribe, () => fieldNamesOf(mime))?.headers ?? {},
      ...{ to: opened.to ?? recipients.map(writeMailbox), cc: opened.cc ?? [], replyTo: opened.replyTo ?? [] },
      ...{ date: now, text: '', html: '', attachments: [] },
    };
  }

  /**
   * A template as its recipient would read it.
   * @param variables all that it needs
   * @throws TemplateError
   */
  preview(
    template: Template,
    { variables, locale: wanted }: { variables: Variables; locale: string },
  ): MailContent & { locale: string } {
    const words = { ...variables, product: productOf(this.settings), minutes: SAMPLE_MINUTES };
    const { subject, text, html, locale } = this.templates.render(template.name, wanted, words);
    return { subject, text: inLines(text), html: inLines(html), locale };
  }

  /**
   * RFC 3834 §5, and for Exchange, which knows nothing of it, [MS-OXCMAIL] §2.1.3.2.20: all but NDR, for reports of
   * non-delivery are what tells us of an address that does not exist.
   */
  private headers({ headers = {} }: OpenedContent, leave: WayToLeave | undefined): Record<string, string> {
    const automatic = {
      ...unlessGiven(headers, {
        'Auto-Submitted': 'auto-generated',
        'X-Auto-Response-Suppress': 'DR, RN, NRN, OOF, AutoReply',
      }),
      ...headers,
    };
    return { ...unlessGiven(leave?.headers ?? {}, automatic), ...leave?.headers };
  }

  /**
   * RFC 8058 for bulk mail, which Gmail and Yahoo ask for; not for mail to several, of whom each may leave for
   * themselves alone, and not in place of a way to leave that was given.
   * @param given names of the fields that its sender gave it
   */
  private wayToLeave(
    email: KeptEmail,
    unsubscribe: boolean | undefined,
    given: () => readonly string[],
  ): WayToLeave | undefined {
    const { lane } = email;
    const [recipient, ...others] = recipientsOf(email);
    if (!(unsubscribe ?? lane === 'bulk') || others.length > 0 || recipient === undefined) return undefined;
    if (hasField(given(), 'list-unsubscribe')) return undefined;
    const url = this.unsubscribeUrl(email, recipient.canonical);
    return { url, headers: { 'List-Unsubscribe': `<${url}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' } };
  }

  /** For mail of a broadcast it ends what its audience gets, for other mail all newsletters. */
  private unsubscribeUrl({ id: emailId, subscriberId }: KeptEmail, addressCanonical: string): string {
    return this.unsubscribe.make({ emailId, addressCanonical, ...(subscriberId === null ? {} : { subscriberId }) });
  }

  /** @param url where the recipient leaves; undefined: there is nothing to leave */
  private async content(
    email: KeptEmail,
    { words, broadcast }: OpenedContent,
    url: string | undefined,
    now: Date,
  ): Promise<MailContent> {
    const { template, locale, expiresAt } = email;
    const sender = { product: productOf(this.settings), address: this.settings.mail.brand.address ?? '' };
    if (broadcast) {
      const { contentId, subscriber } = email;
      const [recipient] = recipientsOf(email);
      return this.broadcasts.render(contentId!, broadcast, locale, {
        subscriber: subscriber!,
        ...sender,
        unsubscribeUrl: this.unsubscribeUrl(email, recipient!.canonical),
      });
    }
    if (template === null) return withUnsubscribeFooter(inBothForms(words as Fields), url, locale, sender);
    const ours = { product: sender.product, minutes: minutesLeft(expiresAt, now), unsubscribeUrl: url ?? '' };
    return withUnsubscribeFooter(this.templates.render(template, locale, { ...words, ...ours }), url, locale, sender);
  }

  private attachments(files: readonly AttachedFile[]): Promise<ComposedAttachment[]> {
    return Promise.all(
      files.map(async ({ fileId, filename, contentType, contentId, inline }) => ({
        ...{ filename, contentType, inline: inline ?? false },
        ...(contentId === undefined ? {} : { contentId }),
        bytes: await this.files.read(fileId),
      })),
    );
  }

  private unseal(keyId: string, bytes: Uint8Array, context: string): unknown {
    return JSON.parse(this.keyring.open({ keyId, bytes }, context));
  }
}

/** @param name in lower case: case makes no difference in a header's name (RFC 5322 §1.2.2) */
function hasField(names: readonly string[], name: string): boolean {
  return names.some((one) => one.toLowerCase() === name);
}

function unlessGiven(
  given: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const names = Object.keys(given);
  return Object.fromEntries(Object.entries(own).filter(([name]) => !hasField(names, name.toLowerCase())));
}
