import { type Html, html, type HtmlValue } from '../../core/html.js';
import type { Captured, Receipt } from './inbox.store.js';
import { LINK, type MessageParts, withoutEnd } from './message-parts.js';

const VIEWS = ['html', 'text', 'links', 'headers', 'source', 'receipt'] as const;
export type View = (typeof VIEWS)[number];
/** A text is its words. */
const VIEWS_OF_TEXTS: readonly View[] = ['text', 'links', 'receipt'];

const NAMES: Record<View, string> = {
  html: 'HTML',
  text: 'Text',
  links: 'Links',
  headers: 'Headers',
  source: 'Source',
  receipt: 'Receipt',
};
/** Those that are files of their own. */
const ALONE: readonly View[] = ['html', 'text', 'source'];
/** Octets of a source shown in the page. */
const SOURCE_SHOWN = 256 * 1024;
/** Both end at the next tag at the latest: a message may have 50,000 that do not end. */
const HEAD = /<head(?:\s[^<>]*)?>/i;
const HAS_LINKS = /<a\s[^<>]*href/i;

/**
 * Links that ask for a new tab are stopped by the sandbox in silence; without this each would leave an error page in
 * the frame.
 */
export function framed(markup: string): string {
  return markup.replace(HEAD, '$&<base target="_blank">');
}

type Looked = Pick<Captured, 'message' | 'channel' | 'source'>;

/** A message and how it is looked at. */
export interface Shown extends Looked {
  view: View;
  parts: MessageParts;
  /** Where that is the view. */
  receipt: readonly Receipt[];
  /** As wide as a phone's window. */
  phone: boolean;
  /** Transports that it can be released to, and what became of that. */
  ways: readonly string[];
  released: unknown;
}

function viewsOf({ message, channel }: Pick<Looked, 'message' | 'channel'>): readonly View[] {
  if (channel === 'sms') return VIEWS_OF_TEXTS;
  return VIEWS.filter((name) => name !== 'html' || message.html !== '');
}

/** The view asked for, or the first one the message has. */
export function viewOf(asked: unknown, looked: Pick<Looked, 'message' | 'channel'>): View {
  const views = viewsOf(looked);
  return views.find((name) => name === asked) ?? views[0]!;
}

/** One message: its code in large, who wrote to whom, and its body in the chosen view. */
export function messagePane(shown: Shown, links: { back: string; inView: (view: View) => string }): Html {
  const { message, view, parts } = shown;
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
    ${told(shown.released)}
    ${message.code && codeCard(message.code)}
    ${parts.files.length > 0 && files(message.id, parts)}
    <nav class="views" aria-label="View">
      ${viewsOf(shown).map(
        (name) =>
          html`<a href="${links.inView(name)}" ${name === view && html`aria-current="true"`}>${NAMES[name]}</a>`,
      )}
      ${view === 'html' && html`<a class="raw" href="${links.inView('html')}${links.inView('html').includes('?') ? '&' : '?'}width=${shown.phone ? 'full' : 'phone'}">${shown.phone ? 'Full width' : 'Phone width'}</a>`}
      ${ALONE.includes(view) && html`<a class="${view !== 'html' && 'raw'}" href="/inbox/${message.id}/${view}" target="_blank" rel="noopener" aria-label="Open this view in a new tab">New tab ↗</a>`}
    </nav>
    ${body(shown)}
    ${shown.channel === 'email' && releaseForm(shown)}
  </article>`;
}

function files(id: string, { files: all }: MessageParts): Html {
  return html`<ul class="files" aria-label="Attachments">${all.map(
    ({ filename, type, bytes }, index) =>
      html`<li><a href="/inbox/${id}/files/${index}" download="">${filename}</a> <span>${type}, ${sizeOf(bytes.byteLength)}</span></li>`,
  )}</ul>`;
}

function sizeOf(octets: number): string {
  return octets < 1_024
    ? `${octets} B`
    : octets < 1_048_576
      ? `${Math.round(octets / 1_024)} KiB`
      : `${(octets / 1_048_576).toFixed(1)} MiB`;
}

const RELEASED: Readonly<Record<string, string>> = {
  sent: 'Released: the mail server took it.',
  deferred: 'Not released: the mail server wants it later. Try again.',
  failed: 'Not released: the mail server refused it.',
  unknown: 'The mail server did not answer; it may have taken the message.',
  withdrawn: 'Not released.',
  address: 'Not released: that is no email address.',
  way: 'Not released: there is no such transport.',
};

function told(released: unknown): Html | false {
  const words = typeof released === 'string' && Object.hasOwn(RELEASED, released) ? RELEASED[released] : undefined;
  return words !== undefined && html`<p class="note" role="status">${words}</p>`;
}

/** To a mailbox of one's own, by a transport that really sends. */
function releaseForm({ message, ways }: Shown): Html {
  return html`<details class="release"><summary>Release to a real transport</summary>
    ${
      ways.length === 0
        ? html`<p>All mail is captured here. Name a transport after the inbox, and it can be chosen here: <code>MAIL_TRANSPORTS=capture:,smtp://user:password@smtp.example.com</code></p>`
        : html`<form method="post" action="/inbox/${message.id}/release">
      <label for="release-to">To</label><input id="release-to" name="to" type="email" required="" autocomplete="email" value="${message.to.split(', ')[0]}" />
      <label for="release-way">By</label><select id="release-way" name="way">${ways.map((way) => html`<option>${way}</option>`)}</select>
      <button type="submit">Send it</button>
    </form>`
    }
  </details>`;
}

function codeCard(code: string): Html {
  return html`<section class="code" aria-label="Code">
    <p class="digits" id="code"><span>${code.slice(0, 3)}</span><span>${code.slice(3)}</span></p>
    <button type="button" class="copy" data-copy="${code}" hidden>Copy<span class="unseen"> the code</span></button>
  </section>`;
}

/** The message's own HTML never becomes part of this page: it stands in a sandboxed frame. */
function body({ message, view, source, parts, receipt, phone }: Shown): Html {
  if (view === 'links') return linkList(parts.links);
  if (view === 'headers') return headerTable(parts.headers);
  if (view === 'receipt') return receiptList(receipt);
  if (view === 'html') {
    const links = HAS_LINKS.test(message.html);
    return html`${links && html`<p class="note">Links do nothing in this view. They work under Links.</p>`}
    <iframe class="body${phone && ' phone'}" title="The message as HTML" src="/inbox/${message.id}/html" sandbox=""
      referrerpolicy="no-referrer"></iframe>`;
  }
  if (view === 'text')
    return html`<div class="body"><pre class="text" tabindex="0" aria-label="Text">${linked(message.text)}</pre></div>`;
  const cut = source.byteLength > SOURCE_SHOWN;
  return html`<div class="body">
    ${cut && html`<p class="nothing">The first ${SOURCE_SHOWN / 1024} KiB of ${Math.ceil(source.byteLength / 1024)}; “New tab” has all of it.</p>`}
    <pre class="source" tabindex="0" aria-label="Source">${source.subarray(0, SOURCE_SHOWN).toString('utf8')}</pre>
  </div>`;
}

function linkList(links: readonly string[]): Html {
  if (links.length === 0) return html`<p class="nothing">There is no link in this message.</p>`;
  return html`<ol class="body links">${links.map((url) => html`<li><a href="${url}" target="_blank" rel="noopener noreferrer">${url}</a></li>`)}</ol>`;
}

function headerTable(headers: MessageParts['headers']): Html {
  return html`<div class="body" tabindex="0" role="region" aria-label="Headers"><table class="headers"><tbody>${headers.map(({ name, value }) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></div>`;
}

/** What the record says of it, as GET /v1/emails/:id does. */
function receiptList(steps: readonly Receipt[]): Html {
  if (steps.length === 0) return html`<p class="nothing">The record of this message was removed.</p>`;
  return html`<ol class="body receipt">${steps.map(
    ({
      at,
      status,
      attempt,
      transport,
      reply,
      worker,
    }) => html`<li><b>${status}</b> <time datetime="${at.toISOString()}" data-full="">${fullTime(at)}</time>
      <span>${[attempt > 0 && `attempt ${attempt}`, transport, worker].filter(Boolean).join(' · ')}</span>${reply !== null && html`<code>${reply}</code>`}</li>`,
  )}</ol>`;
}

/** Links of the text made clickable: the HTML stands in a sandbox, where they lead nowhere. */
function linked(text: string): HtmlValue {
  const pieces: HtmlValue[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const url = withoutEnd(match[0]);
    pieces.push(
      text.slice(end, match.index),
      html`<a href="${url}" target="_blank" rel="noopener noreferrer">${url}</a>`,
    );
    end = match.index + url.length;
  }
  return [...pieces, text.slice(end)];
}

function fullTime(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
