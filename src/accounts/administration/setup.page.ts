import { type Html, html } from '../../core/html.js';

export type SetupPageView =
  /** Nothing has happened yet, or something has to be corrected. */
  | { state: 'asked'; token: string; email: string; name: string; faults: { email?: string; name?: string; password?: string } }
  | { state: 'finished'; email: string; hasPassword: boolean }
  /** There is an administrator. */
  | { state: 'done' }
  | { state: 'invalid' };

/** @param product how mails call the product */
export function setupPage(product: string, view: SetupPageView): string {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="robots" content="noindex" />
    <meta name="color-scheme" content="light dark" />
    <title>Setup · ${product}</title>
    <style>
      body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
      main { width: min(28rem, 100vw - 4rem); padding: 2rem; }
      h1 { margin: 0 0 .5rem; font-size: 1.5rem; }
      p { margin: 0 0 1.25rem; }
      b, code { overflow-wrap: anywhere; }
      label { display: block; font-weight: 600; }
      input { box-sizing: border-box; width: 100%; font: inherit; padding: .55rem .7rem; margin: .25rem 0; border: 1px solid; border-radius: .5rem; background: Field; color: FieldText; }
      input[aria-invalid] { border-color: #b3261e; }
      small { display: block; margin-bottom: 1rem; opacity: .8; }
      small[role=alert] { color: light-dark(#b3261e, #f2b8b5); opacity: 1; }
      button { font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .5rem; background: #146c5c; color: #fff; cursor: pointer; }
      button:focus-visible, input:focus-visible { outline: 3px solid #59b7a4; outline-offset: 2px; }
    </style>
  </head>
  <body>
    <main>${contentOf(product, view)}</main>
  </body>
</html>
`.toString();
}

function contentOf(product: string, view: SetupPageView): Html {
  switch (view.state) {
    case 'asked':
      return html`<h1>Set up ${product}</h1>
        <p>You are about to be its first administrator. This link works once.</p>
        ${form(view)}`;
    case 'finished':
      return html`<h1>${product} is set up</h1>
        <p role="status"><b>${view.email}</b> is its administrator, and signs in with ${view.hasPassword ? 'the password, or a code by mail' : 'a code by mail'}.</p>
        <p>A key for your back end: <code>otpost keys create --name shop --scope emails:send</code>. Every call is described at <a href="/docs">/docs</a>.</p>`;
    case 'done':
      return html`<h1>There is an administrator already</h1>
        <p role="alert">Ask them to give you the role. Who has the host can also run <code>otpost admin list</code> and <code>otpost admin create</code>.</p>`;
    case 'invalid':
      return html`<h1>This link does not work</h1>
        <p role="alert">It works once, and for 24 hours. Restart Otpost and open the link that it prints, or run <code>otpost admin create</code>.</p>`;
  }
}

function form({ token, email, name, faults }: Extract<SetupPageView, { state: 'asked' }>): Html {
  return html`<form method="post" action="/setup/${token}">
    <label for="email">E-mail</label>
    <input id="email" name="email" type="email" required maxlength="254" autocomplete="email" value="${email}" aria-describedby="email-hint" ${invalid(faults.email)} />
    ${hint('email', faults.email, 'Codes and notices go there.')}
    <label for="name">Name</label>
    <input id="name" name="name" maxlength="100" autocomplete="name" value="${name}" aria-describedby="name-hint" ${invalid(faults.name)} />
    ${hint('name', faults.name, 'May be left out.')}
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="new-password" aria-describedby="password-hint" ${invalid(faults.password)} />
    ${hint('password', faults.password, 'May be left out: codes by mail sign in.')}
    <button type="submit">Become administrator</button>
  </form>`;
}

function invalid(fault: string | undefined): Html | false {
  return fault !== undefined && html`aria-invalid="true"`;
}

function hint(field: string, fault: string | undefined, otherwise: string): Html {
  return fault === undefined ? html`<small id="${field}-hint">${otherwise}</small>` : html`<small id="${field}-hint" role="alert">${fault}</small>`;
}
