export const MIB = 1024 * 1024;

/**
 * How large a message a provider takes, as its pages say. MB are taken for 1024 × 1024 bytes, for none of them says
 * which it means, and what is between is the provider's to refuse. Attachments count as they go over the wire: in
 * base64.
 */
export interface SizeLimit {
  /** Bytes of the whole message: its words and its attachments. */
  messageBytes: number;
  /** Bytes of one attachment as it is, where the provider bounds that too. */
  fileBytes?: number;
}

/** Bytes of a message. */
export interface MessageSize {
  /** Of each attachment, as it is before base64. */
  files: readonly number[];
  /** Of text and HTML. */
  words: number;
}

/** Why a provider does not take a message of that size; undefined where it does. */
export function sizeFault({ messageBytes, fileBytes }: SizeLimit, { files, words }: MessageSize): string | undefined {
  if (files.some((bytes) => bytes > (fileBytes ?? Number.POSITIVE_INFINITY))) {
    return `an attachment is larger than the ${inMib(fileBytes!)} that it takes`;
  }
  const whole = files.reduce((sum, bytes) => sum + 4 * Math.ceil(bytes / 3), words);
  return whole > messageBytes
    ? `with ${inMib(whole)} it is larger than the ${inMib(messageBytes)} that it takes`
    : undefined;
}

function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
