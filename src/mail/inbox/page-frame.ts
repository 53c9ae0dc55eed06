import { type Html, html } from '../../core/html.js';

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect x='2' y='6' width='28' height='20' rx='4' fill='%23146c5c'/%3E%3Cpath d='m4 9 12 9 12-9' fill='none' stroke='white' stroke-width='2.5'/%3E%3C/svg%3E";

/** A complete document in the inbox's dress. */
export function whole(parts: { title: string; head?: Html; body: Html; attributes?: Html }): string {
  return html`<!doctype html>
<html lang="en"${parts.attributes}>
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="robots" content="noindex" />
    <meta name="color-scheme" content="light dark" />
    <title>${parts.title}</title>
    <link rel="icon" href="${ICON}" />
    <link rel="stylesheet" href="/inbox/inbox.css" />
    ${parts.head}
  </head>
  <body>
    ${parts.body}
  </body>
</html>
`.toString();
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
