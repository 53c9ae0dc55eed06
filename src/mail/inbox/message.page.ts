import { type Html, html, type HtmlValue } from '../../core/html.js';
import type { Message } from './inbox.messages.js';

export const VIEWS = ['html', 'text', 'source'] as const;
export type View = (typeof VIEWS)[number];

const NAMES: Record<View, string> = { html: 'HTML', text: 'Text', source: 'Source' };
/** Octets of a source shown in the page. */
const SOURCE_SHOWN = 256 * 1024;
const LINK = /https?:\/\/[^\s<>"']+/gi;
/** What ends a sentence after an address rather than the address itself. */
const AFTER_A_LINK = '.,;:!?)]}';
/** Both end at the next tag at the latest: a message may have 50,000 that do not end. */
const HEAD = /<head(?:\s[^<>]*)?>/i;
const HAS_LINKS = /<a\s[^<>]*href/i;

/** Links that ask for a new tab are stopped by the sandbox in silence; without this each would leave an error page in the frame. */
export function framed(markup: string): string {
  return markup.replace(HEAD, '$&<base target="_blank">');
}

/** A message and how it is looked at; its source where that is the view. */
export interface Shown {
  message: Message;
  view: View;
  source: Buffer | null;
}

/** The view asked for, or the first one the message has. */
export function viewOf(asked: unknown, message: Message): View {
  const view = VIEWS.find((name) => name === asked);
  if (view && !(view === 'html' && message.html === '')) return view;
  return message.html === '' ? 'text' : 'html';
}

/** One message: its code in large, who wrote to whom, and its body in the chosen view. */
export function messagePane({ message, view, source }: Shown, links: { back: string; inView: (view: View) => string }): Html {
  return html`<article>
    <header class="head">
      <p class="back"><a href="${links.back}">← All messages</a></p>
      <h2>${message.subject || 'No subject'}</h2>
      <dl>
        <div><dt>To</dt><dd>${message.to}</dd></div>
        <div><dt>From</dt><dd>${message.from}</dd></div>
        <div><dt>Time</dt><dd><time datetime="${message.createdAt.toISOString()}" data-full="">${fullTime(message.createdAt)}</time></dd></div>
      </dl>
    </header>
    ${message.code && codeCard(message.code)}
    <nav class="views" aria-label="View">
      ${VIEWS.filter((name) => name !== 'html' || message.html !== '').map((name) =>
        html`<a href="${links.inView(name)}" ${name === view && html`aria-current="true"`}>${NAMES[name]}</a>`)}
      <a class="raw" href="/inbox/${message.id}/${view}" target="_blank" rel="noopener" aria-label="Open this view in a new tab">New tab ↗</a>
    </nav>
    ${body({ message, view, source })}
  </article>`;
}

function codeCard(code: string): Html {
  return html`<section class="code" aria-label="Code">
    <p class="digits" id="code"><span>${code.slice(0, 3)}</span><span>${code.slice(3)}</span></p>
    <button type="button" class="copy" data-copy="${code}" hidden>Copy<span class="unseen"> the code</span></button>
  </section>`;
}

/** The message's own HTML never becomes part of this page: it stands in a sandboxed frame. */
function body({ message, view, source }: Shown): Html {
  if (view === 'html') {
    const links = HAS_LINKS.test(message.html);
    return html`${links && html`<p class="note">Links do nothing in this view. They work under Text.</p>`}
    <iframe class="body" title="The message as HTML" src="/inbox/${message.id}/html" sandbox=""
      referrerpolicy="no-referrer"></iframe>`;
  }
  if (view === 'text') return html`<div class="body"><pre class="text" tabindex="0" aria-label="Text">${linked(message.text)}</pre></div>`;
  const cut = source !== null && source.byteLength > SOURCE_SHOWN;
  return html`<div class="body">
    ${cut && html`<p class="nothing">The first ${SOURCE_SHOWN / 1024} KiB of ${Math.ceil(source.byteLength / 1024)}; “New tab” has all of it.</p>`}
    <pre class="source" tabindex="0" aria-label="Source">${source?.subarray(0, SOURCE_SHOWN).toString('utf8')}</pre>
  </div>`;
}

/** Links of the text made clickable: the HTML stands in a sandbox, where they lead nowhere. */
function linked(text: string): HtmlValue {
  const pieces: HtmlValue[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const url = withoutEnd(match[0]);
    pieces.push(text.slice(end, match.index), html`<a href="${url}" target="_blank" rel="noopener noreferrer">${url}</a>`);
    end = match.index + url.length;
  }
  return [...pieces, text.slice(end)];
}

function withoutEnd(url: string): string {
  let length = url.length;
  while (AFTER_A_LINK.includes(url.charAt(length - 1))) length--;
  return url.slice(0, length);
}

function fullTime(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
