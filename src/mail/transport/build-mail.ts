import DKIM from 'nodemailer/lib/dkim';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { SMTPEnvelope } from 'nodemailer/lib/smtp-connection';
import type { DkimSettings } from '../../config/settings.js';
import { envelopeOf, fieldsOf } from './envelope.js';
import type { ComposedMessage } from './transport.js';

/** nodemailer's own choice but for the two that RFC 8058 §4 wants covered, and without those that we never write. */
const SIGNED_HEADERS =
  'From:Reply-To:Subject:Date:Message-ID:To:MIME-Version:Content-Type:Content-Transfer-Encoding:Auto-Submitted:List-Unsubscribe:List-Unsubscribe-Post';

export interface BuiltMail {
  /** A new one each time: nodemailer's connection writes into it. */
  envelope: () => SMTPEnvelope;
  /** As it goes over the wire, but for the dots. */
  bytes: Buffer;
}

/** Builds messages, and signs them where there is a key. */
export class MailBuilder {
  private readonly dkim: DKIM | undefined;

  /** @param bounceAddress as in the settings */
  constructor(
    settings: DkimSettings | undefined,
    private readonly bounceAddress?: string,
  ) {
    this.dkim =
      settings &&
      new DKIM({
        domainName: settings.domain,
        keySelector: settings.selector,
        privateKey: settings.privateKey,
        headerFieldNames: SIGNED_HEADERS,
      });
  }

  /** nodemailer builds, folds and signs; the words of fields are written by ourselves, see header-text.ts. */
  async build(message: ComposedMessage): Promise<BuiltMail> {
    const mime = new MailComposer(envelopeOf(message)).compile();
    const fields = fieldsOf(message);
    const encode = mime.encodeHeaderValue.bind(mime);
    mime.encodeHeaderValue = (key, value) => fields.get(key.toLowerCase()) ?? encode(key, value);
    const { dkim } = this;
    if (dkim) mime.processFunc((input) => dkim.sign(input));
    const returnPath = this.returnPathOf(message);
    return { envelope: () => ({ ...mime.getEnvelope(), ...(returnPath ? { from: returnPath } : {}) }), bytes: await mime.build() };
  }

  /** Variable envelope return path: says which message bounced, however little of it comes back. */
  private returnPathOf({ id }: ComposedMessage): string | undefined {
    return this.bounceAddress?.replace('@', `+${id}@`);
  }
}
