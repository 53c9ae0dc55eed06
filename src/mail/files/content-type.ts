import { detectMimeType } from 'nodemailer/lib/mime-funcs';

/** Types that have come since the table of nodemailer was made (https://www.iana.org/assignments/media-types). */
const NEWER = new Map([
  ['avif', 'image/avif'],
  ['heic', 'image/heic'],
  ['heif', 'image/heif'],
  ['jxl', 'image/jxl'],
  ['md', 'text/markdown'],
  ['parquet', 'application/vnd.apache.parquet'],
  ['pkpass', 'application/vnd.apple.pkpass'],
  ['woff2', 'font/woff2'],
]);

/** What a file is by its name; `application/octet-stream` where the name does not tell. */
export function contentTypeOf(filename: string): string {
  const extension = /\.([^.]+)$/.exec(filename)?.[1]?.toLowerCase() ?? '';
  return NEWER.get(extension) ?? detectMimeType(filename);
}
