import type { FieldError } from '../../core/problems.js';

/** As many as a message may carry, the pictures in its text included. */
export const MOST_ATTACHMENTS = 50;
/** Bytes of all attachments of a message, decoded. */
export const MOST_ATTACHED = 25 * 1024 * 1024;
const MOST_IN_A_NAME = 255;

/** An attachment as a caller describes it; of `content` and `uploadId` there is one. */
export interface GivenAttachment {
  filename: string;
  /** Base64 */
  content?: string | undefined;
  uploadId?: string | undefined;
  contentType?: string | undefined;
  contentId?: string | undefined;
  inline?: boolean | undefined;
}

/**
 * What is executed where somebody opens it, and what Gmail takes from nobody for that reason, in archives neither
 * (https://support.google.com/mail/answer/6590).
 */
export const REFUSED_EXTENSIONS: ReadonlySet<string> = new Set(
  (
    'ade adp apk appx appxbundle bat cab chm cmd com cpl diagcab diagcfg diagpkg dll dmg ex ex_ exe hta img ins iso isp ' +
    'jar jnlp js jse lib lnk mde mjs msc msi msix msixbundle msp mst nsh pif ps1 scr sct shb sys vb vbe vbs vhd vxd wsc ' +
    'wsf wsh xll'
  ).split(' '),
);

/**
 * What is wrong with the attachments of one message; none when nothing is. Base64 is not decoded here, only looked at.
 * @param uploads the uploads that there are, with their bytes, by id
 */
export function attachmentFaults(
  attachments: readonly GivenAttachment[],
  uploads: ReadonlyMap<string, { size: number }> = new Map(),
): FieldError[] {
  if (attachments.length > MOST_ATTACHMENTS)
    return [{ field: 'attachments', code: 'too_many', message: `must be at most ${MOST_ATTACHMENTS}` }];
  const contentIds = new Set<string>();
  const faults = attachments.flatMap((attachment, index) =>
    [
      ...filenameFaults(attachment.filename),
      ...contentFaults(attachment, uploads),
      ...contentTypeFaults(attachment.contentType),
      ...contentIdFaults(attachment.contentId, contentIds),
    ].map(([name, code, message]) => ({ field: `attachments.${index}.${name}`, code, message })),
  );
  if (attachedBytes(attachments, uploads) > MOST_ATTACHED)
    faults.push({
      field: 'attachments',
      code: 'payload_too_large',
      message: `must be at most ${MOST_ATTACHED} bytes together, as they are before base64`,
    });
  return faults;
}

/** Bytes of all of them, decoded; of base64 that is none, about as many. */
export function attachedBytes(
  attachments: readonly GivenAttachment[],
  uploads: ReadonlyMap<string, { size: number }>,
): number {
  return attachments.reduce(
    (sum, { content, uploadId }) =>
      sum + (content === undefined ? (uploads.get(uploadId!)?.size ?? 0) : decodedLength(content)),
    0,
  );
}

/** Field, code and message. */
type Fault = [field: keyof GivenAttachment, code: string, message: string];

/** Control characters and line ends break headers; those that turn the direction make `fdp.exe` of `exe.pdf`. */
const NOT_IN_A_NAME = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069/\\]/u;

function filenameFaults(filename: string): Fault[] {
  const fault = (code: string, message: string): Fault[] => [['filename', code, message]];
  const length = filename.length > 2 * MOST_IN_A_NAME ? Number.POSITIVE_INFINITY : [...filename].length;
  if (length === 0 || length > MOST_IN_A_NAME)
    return fault('invalid_filename', `must have 1 to ${MOST_IN_A_NAME} characters`);
  if (NOT_IN_A_NAME.test(filename))
    return fault('invalid_filename', 'must not contain control characters, characters of direction, / or \\');
  // Windows takes no notice of dots and spaces at the end.
  const plain = filename.replace(/(?<![. ])[. ]+$/, '');
  if (plain.trim() === '') return fault('invalid_filename', 'must be a name');
  const extension = /\.([^.]*)$/.exec(plain)?.[1]?.toLowerCase() ?? '';
  if (REFUSED_EXTENSIONS.has(extension))
    return fault('attachment_type_refused', `must not end in .${extension}: mail providers refuse programs`);
  return [];
}

function contentFaults({ content, uploadId }: GivenAttachment, uploads: ReadonlyMap<string, unknown>): Fault[] {
  if ((content === undefined) === (uploadId === undefined))
    return [['content', 'one_of_two', 'must be there where there is no uploadId, and only there']];
  if (uploadId !== undefined && !uploads.has(uploadId))
    return [
      ['uploadId', 'upload_not_found', 'must be the uploadId of an answer of POST /v1/uploads, at most a day old'],
    ];
  if (content !== undefined && !isBase64(content)) {
    const message = content.startsWith('data:')
      ? 'must be base64 alone, without what stands before it in a data: URL'
      : 'must be base64 (RFC 4648 §4) with its padding, without line breaks';
    return [['content', 'invalid_base64', message]];
  }
  return [];
}

/**
 * A search for what must not be there: a pattern over all of it would keep a place to go back to for each character.
 */
function isBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  return !/[^A-Za-z0-9+/]/.test(text.slice(0, text.length - paddingOf(text)));
}

function paddingOf(text: string): number {
  return text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
}

function decodedLength(base64: string): number {
  return Math.floor(((base64.length - paddingOf(base64)) * 3) / 4);
}

/** RFC 6838 §4.2, and parameters as RFC 2045 §5.1 writes them, such as the method of a calendar. */
const CONTENT_TYPE =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}( *; *[\w!#$%&'*+.^`{|}~-]+=([\w!#$%&'*+.^`{|}~-]+|"[ !#-[\]-~]*"))*$/;
const LONGEST_TYPE = 512;

function contentTypeFaults(contentType: string | undefined): Fault[] {
  if (contentType === undefined) return [];
  const isType = contentType.length <= LONGEST_TYPE && CONTENT_TYPE.test(contentType);
  if (!isType || /^multipart\//i.test(contentType))
    return [['contentType', 'invalid_content_type', 'must be the type of one file, such as application/pdf']];
  return [];
}

/** A msg-id without its angle brackets, or any word of printable ASCII: `cid:` of the HTML names it (RFC 2392). */
const CONTENT_ID = /^[!-;=?-~]{1,255}$/;

/** @param seen the others of the message, to which this one is added */
function contentIdFaults(contentId: string | undefined, seen: Set<string>): Fault[] {
  if (contentId === undefined) return [];
  if (!CONTENT_ID.test(contentId))
    return [['contentId', 'invalid_content_id', 'must be 1 to 255 printable ASCII characters without spaces, < and >']];
  if (seen.has(contentId)) return [['contentId', 'duplicate_content_id', 'must be another one for each attachment']];
  seen.add(contentId);
  return [];
}
