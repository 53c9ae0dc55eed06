import { type Html, html } from '../../core/html.js';
import { frame } from '../../http/pages/page-frame.js';
import type { CaptureFault } from '../routing/capture-faults.js';
import type { MessageList, MessageSummary } from './inbox.store.js';
import { messagePane, type Shown } from './message-pane.js';

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

/** Which part of the list is looked at; every link keeps it. */
interface ListPart {
  /** The address the list is narrowed to. */
  to: string | undefined;
  /** What is searched for; such a page does not refresh itself either. */
  q: string | undefined;
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
  /** What will happen to the next messages instead of being kept; undefined where texts alone are captured. */
  faults: readonly CaptureFault[] | undefined;
  /** Tells today's messages, which show their time, from older ones, which show their day. */
  now: Date;
}

/** The whole inbox: the list, and beside it a message or what to do to get one. */
export function inboxPage(page: InboxPage): string {
  const { list, shown, part } = page;
  const something = list.items.length > 0 || part.to !== undefined || part.q !== undefined;
  const message = shown === 'gone' ? undefined : shown?.message;
  const chosen = shown === 'gone' || shown?.chosen === true;
  const layout = chosen ? 'message' : something ? 'list' : 'empty';
  return whole({
    title: message && chosen ? `${message.subject || 'No subject'} · Inbox` : 'Inbox',
    attributes: html` data-layout="${layout}"`,
    head: html`<script src="/inbox/inbox.js" defer></script>
      ${part.cursor === undefined && part.q === undefined && html`<noscript><meta http-equiv="refresh" content="3" /></noscript>`}`,
    body: html`<a class="skip" href="#message">Skip to the message</a>
      ${bar(something, page.faults)}
      <div class="columns">${listColumn(page, message?.id)}
        <main id="message" tabindex="-1" aria-label="Message">${pane(page)}</main>
      </div>
      <p id="announcement" class="unseen" aria-live="polite"></p>`,
  });
}

const FAULTS: Readonly<Record<CaptureFault, string>> = {
  '451': 'Refused for now (451)',
  '550': 'Refused for good (550)',
  hang: 'No answer (hang)',
};

/** The next message fails, to see what happens then. */
function faultMenu(ordered: readonly CaptureFault[]): Html {
  return html`<details class="faults"><summary>${ordered.length === 0 ? 'Make the next message fail' : `Next: ${ordered.join(', ')}`}</summary>
      <form method="post" action="/inbox/fault">${Object.entries(FAULTS).map(([kind, name]) => html`<button type="submit" name="kind" value="${kind}">${name}</button>`)}
      ${ordered.length > 0 && html`<button type="submit" name="kind" value="none">Let it through</button>`}</form>
    </details>`;
}

function bar(anything: boolean, faults: InboxPage['faults']): Html {
  return html`<header class="bar">
    <h1><a href="/inbox">Inbox</a></h1>
    <p class="about">Mail kept here instead of being sent</p>
    ${faults && faultMenu(faults)}
    <p class="live" id="live" role="status" hidden><span class="dot"></span><span id="live-text">Live</span></p>
    <form class="clear" method="post" action="/inbox/clear">
      <button type="submit" id="clear" ${anything ? false : html`disabled=""`}>Clear all</button>
    </form>
  </header>`;
}

function listColumn({ list, part, now }: InboxPage, shownId: string | undefined): Html {
  const { to, q, cursor } = part;
  const poll = withQuery('/inbox/messages', { limit: '1', to });
  const live =
    cursor === undefined && q === undefined && html`data-poll="${poll}" data-newest="${list.items[0]?.id ?? ''}"`;
  return html`<nav class="list" aria-label="Messages">
    <form class="filter" action="/inbox" method="get" role="search">
      <label class="unseen" for="q">Search</label>
      <input id="q" name="q" type="search" autocomplete="off" spellcheck="false" placeholder="Search addresses, subjects and words" value="${q ?? to}" />
    </form>
    ${cursor && html`<p class="step"><a href="${withQuery('/inbox', { to, q })}">↑ Newest</a></p>`}
    <ol id="list" ${live}>${list.items.map((item) => row(item, { part, shownId, now }))}</ol>
    ${list.items.length === 0 && q !== undefined && html`<p class="nothing">Nothing has “${q}” in it. <a href="/inbox">Show all mail</a></p>`}
    ${list.items.length === 0 && to !== undefined && html`<p class="nothing" id="none">Nothing for this address. <a href="/inbox">Show all mail</a></p>`}
    ${list.nextCursor && html`<p class="step" id="older"><a href="${withQuery('/inbox', { to, q, cursor: list.nextCursor })}">Older</a></p>`}
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
  if (part.q !== undefined)
    return html`<section class="hint"><h2>Nothing found</h2><p>No message has “${part.q}” in its addresses, its subject or its words.</p></section>`;
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
