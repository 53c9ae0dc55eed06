import { type Html, html } from '../../core/html.js';

export type UnsubscribeView =
  /** Nothing has happened yet: mail scanners follow links, so following one changes nothing. */
  | { state: 'asked'; address: string; token: string }
  | { state: 'unsubscribed'; address: string; token: string }
  | { state: 'subscribed'; address: string; token: string }
  | { state: 'invalid' };

/** @param product how mails call the product */
export function unsubscribePage(product: string, view: UnsubscribeView): string {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="robots" content="noindex" />
    <meta name="color-scheme" content="light dark" />
    <title>${view.state === 'unsubscribed' ? 'Unsubscribed' : 'Unsubscribe'} · ${product}</title>
    <style>
      body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
      main { max-width: 28rem; padding: 2rem; }
      h1 { margin: 0 0 .5rem; font-size: 1.5rem; }
      p { margin: 0 0 1.25rem; }
      b { overflow-wrap: anywhere; }
      button { font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .5rem; background: #146c5c; color: #fff; cursor: pointer; }
      button.quiet { background: none; color: inherit; border: 1px solid; }
      button:focus-visible { outline: 3px solid #59b7a4; outline-offset: 2px; }
    </style>
  </head>
  <body>
    <main>${contentOf(product, view)}</main>
  </body>
</html>
`.toString();
}

function contentOf(product: string, view: UnsubscribeView): Html {
  switch (view.state) {
    case 'asked':
      return html`<h1>Unsubscribe from ${product}?</h1>
        <p><b>${view.address}</b> will get no more newsletters. Codes and other mail you ask for still come.</p>
        ${form(view.token, 'unsubscribe', 'Unsubscribe')}`;
    case 'unsubscribed':
      return html`<h1>You are unsubscribed</h1>
        <p role="status"><b>${view.address}</b> gets no more newsletters from ${product}.</p>
        ${form(view.token, 'subscribe', 'That was a mistake', 'quiet')}`;
    case 'subscribed':
      return html`<h1>You are subscribed again</h1>
        <p role="status"><b>${view.address}</b> gets newsletters from ${product} as before.</p>
        ${form(view.token, 'unsubscribe', 'Unsubscribe', 'quiet')}`;
    case 'invalid':
      return html`<h1>This link does not work</h1>
        <p role="alert">It may have been cut off by your mail program. Open it from the mail once more, or answer that mail to be unsubscribed.</p>`;
  }
}

function form(token: string, action: 'unsubscribe' | 'subscribe', label: string, dress = ''): Html {
  return html`<form method="post" action="/unsubscribe?t=${token}">
    <input type="hidden" name="action" value="${action}" />
    <button type="submit" class="${dress}">${label}</button>
  </form>`;
}

/** Enough for its owner to recognise: `a…@example.com`. */
export function shownAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return `${[...address][0]}…${address.slice(at)}`;
}
