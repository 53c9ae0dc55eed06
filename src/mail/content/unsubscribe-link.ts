import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Keyring, UnsealError } from '../../core/keyring.js';

/** Whom an unsubscribe link is for, and which message carried it. */
export interface Subscription {
  emailId: string;
  addressCanonical: string;
  /** Of a broadcast's message: whom of its audience it is for. */
  subscriberId?: string;
}

const CONTEXT = 'unsubscribe';

/**
 * The address stands sealed in the link itself, so that it works for as long as the secret does, however long ago the
 * message was removed, and tells nobody who sees it anything.
 */
@Injectable()
export class UnsubscribeLink {
  constructor(
    private readonly settings: Settings,
    private readonly keyring: Keyring,
  ) {}

  make({ emailId, addressCanonical, subscriberId }: Subscription): string {
    const { keyId, bytes } = this.keyring.seal(
      JSON.stringify([emailId, addressCanonical, ...(subscriberId === undefined ? [] : [subscriberId])]),
      CONTEXT,
    );
    return `${this.settings.http.appUrl}/unsubscribe?t=${keyId}.${Buffer.from(bytes).toString('base64url')}`;
  }

  /** Undefined: not one of ours, or sealed by a secret that is no longer known. */
  read(token: string): Subscription | undefined {
    const [, keyId, sealed] = /^([0-9a-f]{8})\.([\w-]{40,1000})$/.exec(token) ?? [];
    if (keyId === undefined) return undefined;
    try {
      const opened = this.keyring.open({ keyId, bytes: Buffer.from(sealed!, 'base64url') }, CONTEXT);
      const [emailId, addressCanonical, subscriberId] = JSON.parse(opened) as [string, string, (string | null)?];
      return { emailId, addressCanonical, ...(subscriberId ? { subscriberId } : {}) };
    } catch (error) {
      if (error instanceof UnsealError) return undefined;
      throw error;
    }
  }
}
