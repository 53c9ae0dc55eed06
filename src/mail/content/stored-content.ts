import type { SealedColumn } from '../../database/resealing.js';

/** The words of each mail, until they are erased. */
export const SEALED_CONTENT: SealedColumn = {
  kind: 'mail',
  table: 'outbound_emails',
  idType: 'uuid',
  column: 'sealed_variables',
  keyColumn: 'seal_key_id',
  context: 'email',
  elsewhere: 'content_id',
};

/** What several messages share, or what has attachments. */
export const SEALED_SHARED_CONTENT: SealedColumn = {
  kind: 'mail',
  table: 'email_contents',
  idType: 'uuid',
  column: 'sealed',
  keyColumn: 'seal_key_id',
  context: 'content',
};

/** Content that is given whole. */
export interface Fields {
  subject: string;
  text?: string;
  html?: string;
}

export type Variables = Record<string, unknown>;

/** A file of a message, whose bytes stand in `stored_files`. */
export interface AttachedFile {
  fileId: string;
  filename: string;
  contentType: string;
  contentId?: string;
  inline?: boolean;
  /** Bytes. */
  size: number;
}

/** A message that its sender composed, in the form that goes over the wire. */
export interface KeptMime {
  /** Decoded. */
  subject: string;
  /** Of the envelope, where it is another than the sender: where reports of non-delivery go. Empty: nowhere. */
  returnPath?: string;
  /** In the row itself, in base64; larger ones are a file. */
  source: string | { fileId: string; size: number };
}

/** Files that a content needs. */
export function filesOf({
  attachments = [],
  mime,
}: {
  attachments?: readonly AttachedFile[];
  mime?: KeptMime;
}): { fileId: string; size: number }[] {
  return typeof mime?.source === 'object' ? [...attachments, mime.source] : [...attachments];
}

/** What a row of `email_contents` holds. What its message shows stays the same, however its recipients fare. */
export interface SharedContent {
  /** The template's variables, or the content itself. */
  words?: Variables | Fields;
  /** As shown, such as `Ada <ada@example.com>`; of a broadcast each message shows its own recipient. */
  to?: string[];
  cc: string[];
  replyTo: string[];
  /** Besides those that every message has. */
  headers: Record<string, string>;
  attachments: AttachedFile[];
  /** Whether it carries a way to leave; undefined: bulk mail does. */
  unsubscribe?: boolean;
  /**
   * In place of words, headers and attachments. A build that knows nothing of it finds no words, and defers the
   * message.
   */
  mime?: KeptMime;
  /**
   * Of a broadcast, in place of words: its words by language, in Liquid, of which each subscriber's own are made. A
   * build that knows nothing of it finds no words, and defers the message.
   */
  broadcast?: Readonly<Record<string, Fields>>;
}
