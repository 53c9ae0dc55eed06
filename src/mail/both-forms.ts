import { convert } from 'html-to-text';
import { escapeHtml } from '../core/html.js';

export interface MailContent {
  subject: string;
  text: string;
  html: string;
}

/** Some clients show only the text and filters distrust its absence, so a message that came in one form gets the other. */
export function inBothForms({ subject, text, html }: { subject: string; text?: string; html?: string }): MailContent {
  if (html === undefined) return { subject, text: text ?? '', html: htmlOf(subject, text ?? '') };
  return { subject, text: text ?? textOf(html, subject), html };
}

/**
 * Characters of HTML that are read; Gmail shows no more than 102 kB of a mail either. The parser's time grows with the
 * square of the open elements (measured: 24 s for 300,000).
 */
const MAX_LENGTH = 102_400;
/** Elements inside each other; no mail needs more, and the time it takes grows with depth times lines (measured: 6 s at 800). */
const MAX_DEPTH = 50;

/** Pictures without a text leave nothing; the subject then stands for them. */
function textOf(html: string, subject: string): string {
  const text = convert(html.slice(0, MAX_LENGTH), { wordwrap: false, selectors: [{ selector: 'img', format: 'skip' }], limits: { maxDepth: MAX_DEPTH } }).trim();
  return `${text || subject}\n`;
}

function htmlOf(subject: string, text: string): string {
  return `<!doctype html>
<html><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>
<body style="margin:0;padding:16px;font:16px/1.5 sans-serif"><div style="white-space:pre-wrap">${escapeHtml(text)}</div></body></html>
`;
}
