import { escapeHtml } from '../core/html.js';
import { htmlToText } from './html-to-text.js';

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

/** Pictures without a text leave nothing; the subject then stands for them. */
function textOf(html: string, subject: string): string {
  return `${htmlToText(html) || subject}\n`;
}

function htmlOf(subject: string, text: string): string {
  return `<!doctype html>
<html><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>
<body style="margin:0;padding:16px;font:16px/1.5 sans-serif"><div style="white-space:pre-wrap">${escapeHtml(text)}</div></body></html>
`;
}
