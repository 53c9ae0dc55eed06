import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.js';
import { SECOND_MS } from '../../core/durations.js';
import { uuidv7 } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { PrismaService } from '../../database/prisma.service.js';
import type { CapturedMessage } from '../../generated/prisma/client.js';
import { numberOf } from '../sms/sms-provider.js';
import { sizeOf } from '../sms/text-policy.js';
import { takenApart } from '../transport/given-mime.js';
import {
  type ComposedMessage,
  type Offer,
  OfferRefused,
  type Outcome,
  type Transport,
} from '../transport/transport.js';
import type { MailBuilder } from '../transport/wire-form.js';

/** A message as the inbox keeps it. */
type Kept = Pick<CapturedMessage, 'toAddress' | 'subject' | 'text' | 'html' | 'source'>;

/** Keeps every message in Postgres for the inbox at /inbox, and sends nothing: the transport of a first minute. */
export class CaptureTransport implements Transport {
  constructor(
    readonly name: string,
    private readonly kept: (message: ComposedMessage) => Promise<Kept> | Kept,
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  async send(message: ComposedMessage, offer: Offer): Promise<Outcome> {
    const kept = await this.kept(message);
    const id = uuidv7(this.clock.now());
    try {
      await offer();
      await this.prisma.capturedMessage.createMany({
        data: { id, emailId: message.id, fromAddress: message.from, ...kept },
      });
    } catch (error) {
      if (error instanceof OfferRefused) return { kind: 'withdrawn' };
      this.log.error({ err: error, emailId: message.id }, 'the message could not be captured');
      return { kind: 'unknown', errorCode: 'capture_failed' };
    }
    return { kind: 'sent', reply: '250 captured for the inbox', providerMessageId: id };
  }

  async close(): Promise<void> {}
}

/** @param builder makes the very bytes that SMTP would have sent */
export function keptMail(builder: MailBuilder): (message: ComposedMessage) => Promise<Kept> {
  return async (message) => {
    const { bytes } = await builder.build(message);
    const { text, html } = message.mime ? (await takenApart(message)).message : message;
    const toAddress = message.recipients.map(({ address }) => address).join(', ');
    return { toAddress, subject: message.subject, text, html, source: bytes as Uint8Array<ArrayBuffer> };
  };
}

/** A text has no subject; in its place stands what it costs. */
export function keptText(message: ComposedMessage): Kept {
  const { text } = message;
  const { segments, encoding, length } = sizeOf(text);
  const subject = `SMS, ${segments} segment${segments === 1 ? '' : 's'} (${encoding}, ${length})`;
  return { toAddress: numberOf(message), subject, text, html: '', source: Buffer.from(text) };
}

/**
 * Writes each message into a folder, as `<time>-<id>.eml`, and sends nothing. Whoever watches the folder never sees
 * half a message: it is written and synced under another name, and then renamed. The rename is what the last byte is
 * elsewhere.
 */
export class FileTransport implements Transport {
  constructor(
    readonly name: string,
    private readonly folder: string,
    private readonly builder: MailBuilder,
    private readonly clock: Clock,
  ) {}

  async send(message: ComposedMessage, offer: Offer): Promise<Outcome> {
    const { bytes } = await this.builder.build(message);
    const name = `${this.clock.now().toISOString().replaceAll(/[-:]/g, '')}-${message.id}.eml`;
    const draft = join(this.folder, `.${name}.draft`);
    try {
      await mkdir(this.folder, { recursive: true });
      await write(draft, bytes);
    } catch (error) {
      return notWritten(error);
    }
    return this.release(draft, name, offer);
  }

  async close(): Promise<void> {}

  private async release(draft: string, name: string, offer: Offer): Promise<Outcome> {
    try {
      await offer();
    } catch {
      // Whatever the reason, nothing was released; whoever made the offer knows it.
      await rm(draft, { force: true });
      return { kind: 'withdrawn' };
    }
    try {
      await rename(draft, join(this.folder, name));
    } catch (error) {
      return notWritten(error);
    }
    try {
      await sync(this.folder);
    } catch (error) {
      return { kind: 'unknown', errorCode: codeOf(error), reply: String(error) };
    }
    return { kind: 'sent', reply: `250 written to ${name}`, providerMessageId: name };
  }
}

async function write(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** So that the new name outlives a power cut. */
async function sync(folder: string): Promise<void> {
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** A full disk, or no right to write: the fault of this host, and not of the message. */
function notWritten(error: unknown): Outcome {
  return {
    kind: 'deferred',
    uncounted: true,
    alert: true,
    transport: { kind: 'backoff', ms: 5 * SECOND_MS, here: true },
    errorCode: codeOf(error),
    reply: String(error),
  };
}

function codeOf(error: unknown): string {
  return `file_${((error as NodeJS.ErrnoException).code ?? 'error').toLowerCase()}`;
}
