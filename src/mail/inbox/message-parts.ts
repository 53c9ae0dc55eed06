import { inOneLine } from '../../core/one-line.js';
import type { Captured } from './inbox.store.js';

/** A file in a message. */
export interface InboxFile {
  filename: string;
  /** Such as `application/pdf`. */
  type: string;
  bytes: Buffer;
}

/** What a message is made of, besides its words. */
export interface MessageParts {
  headers: { name: string; value: string }[];
  files: InboxFile[];
  /** Addresses that it leads to, each once. */
  links: string[];
}

const HREF = /<a\s[^<>]*?href=["']?(https?:[^"'\s<>]+)/gi;
export const LINK = /https?:\/\/[^\s<>"']+/gi;
/** What ends a sentence after an address rather than the address itself. */
const AFTER_A_LINK = '.,;:!?)]}';

/** An address as it stands in a sentence, without what ends the sentence. */
export function withoutEnd(url: string): string {
  let length = url.length;
  while (AFTER_A_LINK.includes(url.charAt(length - 1))) length--;
  return url.slice(0, length);
}

/** A text has words alone, and what looks like a header in them is none. */
export async function partsOf({ channel, source, message }: Omit<Captured, 'emailId'>): Promise<MessageParts> {
  const links = linksIn(message);
  if (channel === 'sms') return { headers: [], files: [], links };
  // Late: only who looks into the inbox takes a message apart.
  const { simpleParser } = (await import('mailparser')).default;
  const parsed = await simpleParser(source, { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true });
  return {
    headers: parsed.headerLines.map(({ line }) => {
      const colon = line.indexOf(':');
      return {
        name: line.slice(0, colon),
        value: inOneLine(line.slice(colon + 1).replaceAll(/\r?\n[ \t]+/g, ' ')).trim(),
      };
    }),
    files: parsed.attachments.map(({ filename, contentType, content }, index) => ({
      filename: filename ?? `part-${index + 1}`,
      type: contentType,
      bytes: content,
    })),
    links,
  };
}

function linksIn({ text, html }: { text: string; html: string }): string[] {
  const hrefs = [...html.matchAll(HREF)].map(([, url]) => url!.replaceAll('&amp;', '&'));
  const inText = [...text.matchAll(LINK)].map(([url]) => withoutEnd(url));
  return [...new Set([...hrefs, ...inText])];
}
