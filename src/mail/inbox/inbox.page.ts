import { type Html, html, type HtmlValue } from '../../core/html.js';
import { frame } from '../../http/pages/page-frame.js';
import type { Message, MessageList, MessageSummary } from './inbox.store.js';

/** A complete document in the inbox's dress. */
function whole({ head, ...parts }: { title: string; head?: Html; body: Html; attributes: Html }): string {
  return frame({ ...parts, head: html`<link rel="stylesheet" href="/inbox/inbox.css" />${head}` });
}

/** Asks for INBOX_TOKEN. */
export function enterPage({ refused }: { refused: boolean }): string {
  return whole({
    title: 'Inbox',
    attributes: html` data-layout="enter"`,
    body: html`<main class="enter">
      <form method="post" action="/inbox/enter">
        <h1>Inbox</h1>
        <p>Captured mail holds live codes, so the inbox asks for its token.</p>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required="" autofocus=""
          ${refused && html`aria-invalid="true" aria-describedby="refusal"`} />
        ${refused && html`<p class="refusal" id="refusal" role="alert">That is not the token.</p>`}
        <button type="submit">Open</button>
        <p class="fine">It is the value of <code>INBOX_TOKEN</code> where this service runs.</p>
      </form>
    </main>`,
  });
}

const VIEWS = ['html', 'text', 'source'] as const;
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
export function messagePane(
  { message, view, source }: Shown,
  links: { back: string; inView: (view: View) => string },
): Html {
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
      ${VIEWS.filter((name) => name !== 'html' || message.html !== '').map(
        (name) =>
          html`<a href="${links.inView(name)}" ${name === view && html`aria-current="true"`}>${NAMES[name]}</a>`,
      )}
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
  if (view === 'text')
    return html`<div class="body"><pre class="text" tabindex="0" aria-label="Text">${linked(message.text)}</pre></div>`;
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
    pieces.push(
      text.slice(end, match.index),
      html`<a href="${url}" target="_blank" rel="noopener noreferrer">${url}</a>`,
    );
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

/** Which part of the list is looked at; every link keeps it. */
interface ListPart {
  /** The address the list is narrowed to. */
  to: string | undefined;
  /** Where an older page of the list begins; such a page does not refresh itself. */
  cursor: string | undefined;
}

export interface InboxPage {
  list: MessageList;
  part: ListPart;
  /** `chosen`: the address of the page names it. Otherwise the newest is shown, and the next one will replace it. */
  shown: (Shown & { chosen: boolean }) | 'gone' | undefined;
  appUrl: string;
  /** No other transport could send a message instead of keeping it. */
  keepsAll: boolean;
  /** Tells today's messages, which show their time, from older ones, which show their day. */
  now: Date;
}

/** The whole inbox: the list, and beside it a message or what to do to get one. */
export function inboxPage(page: InboxPage): string {
  const { list, shown, part } = page;
  const something = list.items.length > 0 || part.to !== undefined;
  const message = shown === 'gone' ? undefined : shown?.message;
  const chosen = shown === 'gone' || shown?.chosen === true;
  const layout = chosen ? 'message' : something ? 'list' : 'empty';
  return whole({
    title: message && chosen ? `${message.subject || 'No subject'} · Inbox` : 'Inbox',
    attributes: html` data-layout="${layout}"`,
    head: html`<script src="/inbox/inbox.js" defer></script>
      ${part.cursor === undefined && html`<noscript><meta http-equiv="refresh" content="3" /></noscript>`}`,
    body: html`<a class="skip" href="#message">Skip to the message</a>
      ${bar(something)}
      <div class="columns">${listColumn(page, message?.id)}
        <main id="message" tabindex="-1" aria-label="Message">${pane(page)}</main>
      </div>
      <p id="announcement" class="unseen" aria-live="polite"></p>`,
  });
}

function bar(anything: boolean): Html {
  return html`<header class="bar">
    <h1><a href="/inbox">Inbox</a></h1>
    <p class="about">Mail kept here instead of being sent</p>
    <p class="live" id="live" role="status" hidden><span class="dot"></span><span id="live-text">Live</span></p>
    <form class="clear" method="post" action="/inbox/clear">
      <button type="submit" id="clear" ${anything ? false : html`disabled=""`}>Clear all</button>
    </form>
  </header>`;
}

function listColumn({ list, part, now }: InboxPage, shownId: string | undefined): Html {
  const { to, cursor } = part;
  const poll = withQuery('/inbox/messages', { limit: '1', to });
  const live = cursor === undefined && html`data-poll="${poll}" data-newest="${list.items[0]?.id ?? ''}"`;
  return html`<nav class="list" aria-label="Messages">
    <form class="filter" action="/inbox" method="get" role="search">
      <label class="unseen" for="to">Only mail to</label>
      <input id="to" name="to" type="search" inputmode="email" autocomplete="off" spellcheck="false" placeholder="Only mail to…" value="${to}" />
    </form>
    ${cursor && html`<p class="step"><a href="${withQuery('/inbox', { to })}">↑ Newest</a></p>`}
    <ol id="list" ${live}>${list.items.map((item) => row(item, { part, shownId, now }))}</ol>
    ${list.items.length === 0 && to !== undefined && html`<p class="nothing" id="none">Nothing for this address. <a href="/inbox">Show all mail</a></p>`}
    ${list.nextCursor && html`<p class="step" id="older"><a href="${withQuery('/inbox', { to, cursor: list.nextCursor })}">Older</a></p>`}
  </nav>`;
}

function row(
  item: MessageSummary,
  { part, shownId, now }: { part: ListPart; shownId: string | undefined; now: Date },
): Html {
  return html`<li data-id="${item.id}">
    <a href="${withQuery(`/inbox/${item.id}`, { ...part })}" ${item.id === shownId && html`aria-current="true"`}>
      <span class="to">${item.to}</span>
      <time datetime="${item.createdAt.toISOString()}">${shortTime(item.createdAt, now)}</time>
      <span class="subject">${item.subject || 'No subject'}</span>
      ${item.code && html`<span class="chip"><span class="unseen">Code </span>${item.code}</span>`}
      <span class="preview">${item.preview}</span>
    </a>
  </li>`;
}

function pane({ shown, part, appUrl, keepsAll }: InboxPage): Html {
  const back = withQuery('/inbox', { ...part });
  if (shown === 'gone') {
    return html`<section class="hint">
      <h2>This message is gone</h2>
      <p>It was cleared away, or its address is wrong.</p>
      <p class="onward"><a class="button" href="${back}">Back to the inbox</a></p>
    </section>`;
  }
  if (shown)
    return messagePane(shown, { back, inView: (view) => withQuery(`/inbox/${shown.message.id}`, { ...part, view }) });
  if (part.to === undefined) return firstSteps(appUrl, keepsAll);
  return html`<section class="hint">
    <h2>No mail to ${part.to} yet</h2>
    <p>It shows up here as soon as it arrives.</p>
  </section>`;
}

function firstSteps(appUrl: string, keepsAll: boolean): Html {
  const command = [
    `curl ${appUrl}/v1/accounts \\`,
    `  -H 'content-type: application/json' \\`,
    `  -d '{"email":"you@example.com"}'`,
  ].join('\n');
  return html`<section class="hint first">
    <svg class="picture" viewBox="0 0 64 48" aria-hidden="true"><rect x="3" y="3" width="58" height="42" rx="7" /><path d="m5 8 27 20L59 8" /></svg>
    <h2>Register an address and its code appears here</h2>
    <p>${keepsAll ? 'Any address will do: nothing is really sent.' : 'Use an address of yours: another transport may send to it.'} Try it from a terminal:</p>
    <div class="command">
      <pre tabindex="0" aria-label="Command">${command}</pre>
      <button type="button" class="copy" data-copy="${command}" hidden>Copy</button>
    </div>
    <p class="waiting" hidden id="waiting">Waiting for the first message…</p>
  </section>`;
}

function withQuery(path: string, parameters: Record<string, string | undefined>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length > 0 ? `${path}?${new URLSearchParams(given).toString()}` : path;
}

/** For pages without script; with it, the reader's own time takes this place. */
function shortTime(time: Date, now: Date): string {
  const [day, clock] = [time.toISOString().slice(0, 10), time.toISOString().slice(11, 16)];
  return day === now.toISOString().slice(0, 10) ? `${clock} UTC` : day;
}
