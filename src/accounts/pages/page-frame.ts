import { createHash } from 'node:crypto';
import { Html, html } from '../../core/html.js';

/** One answer to a browser. */
export interface Page {
  status: number;
  title: string;
  body: Html;
  headers?: Record<string, string>;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect x='2' y='6' width='28' height='20' rx='4' fill='%23146c5c'/%3E%3Cpath d='m4 9 12 9 12-9' fill='none' stroke='white' stroke-width='2.5'/%3E%3C/svg%3E";

/** All text has a contrast of 5.8 at least, and the edges of fields one of 3.0 (measured; WCAG 2.2, 1.4.3 and 1.4.11 ask for 4.5 and 3). */
const STYLE = `
:root { color-scheme: light dark; --ground: #f4f4f1; --sheet: #fff; --ink: #1d2321; --soft: #5d6764; --line: #dfe1dc; --edge: #858e8a; --accent: #146c5c; --on-accent: #fff; --danger: #a32f24; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #131716; --sheet: #1b201f; --ink: #e6eae8; --soft: #98a39f; --line: #2c3331; --edge: #727d79; --accent: #6fcdb6; --on-accent: #0c211b; --danger: #f0958b; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: grid; place-items: center; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; background: var(--ground); color: var(--ink); }
main { width: 100%; max-width: 30rem; padding: 2rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 1rem; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; text-wrap: balance; }
h2 { margin: 2rem 0 0; font-size: 1.05rem; }
p { margin: 0 0 1rem; }
main > :last-child, form > :last-child { margin-bottom: 0; }
b { overflow-wrap: anywhere; }
a { color: var(--accent); }
.soft { color: var(--soft); font-size: .9rem; }
.fault { color: var(--danger); font-weight: 600; }
label { display: block; margin-bottom: .35rem; font-weight: 600; }
input { display: block; width: 100%; margin-bottom: 1rem; padding: .65rem .8rem; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--edge); border-radius: .5rem; }
input[aria-invalid] { border-color: var(--danger); }
input.code { font: 600 1.5rem/1.3 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; letter-spacing: .2em; }
button { font: inherit; font-weight: 600; padding: .65rem 1.2rem; border: 1px solid var(--accent); border-radius: .5rem; background: var(--accent); color: var(--on-accent); cursor: pointer; }
button.quiet { background: none; color: inherit; border-color: var(--edge); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
form { margin: 0 0 1.25rem; }
.row { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; }
.row form { margin: 0; }
ul { list-style: none; margin: 0 0 1.5rem; padding: 0; }
li { display: flex; gap: 1rem; align-items: center; justify-content: space-between; padding: .9rem 0; border-bottom: 1px solid var(--line); }
li form { margin: 0; }
li .soft { display: block; overflow-wrap: anywhere; }
@media (max-width: 30rem) { body { padding: 0; place-items: stretch; background: var(--sheet); } main { padding: 1.5rem 1.25rem; border: 0; border-radius: 0; } main > form > button { width: 100%; } }
`;

/** No script, nothing from elsewhere, and of styles only the one above. */
export const CONTENT_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** A complete document. @param product how mails call the product */
export function documentOf({ title, body }: Page, product: string): string {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="robots" content="noindex" />
    <meta name="color-scheme" content="light dark" />
    <title>${title} · ${product}</title>
    <link rel="icon" href="${ICON}" />
    <style>${new Html(STYLE)}</style>
  </head>
  <body>
    <main>${body}</main>
  </body>
</html>
`.toString();
}

/** A form that is a button. */
export function buttonForm({ action, label, quiet = false, name }: { action: string; label: string; quiet?: boolean; name?: string }): Html {
  return html`<form method="post" action="${action}">
    <button type="submit" class="${quiet && 'quiet'}"${name !== undefined && html` aria-label="${name}"`}>${label}</button>
  </form>`;
}

/** What is wrong with a field; its `aria-describedby` is `fault`. */
export function faultLine(fault: string | undefined): Html | undefined {
  return fault === undefined ? undefined : html`<p class="fault" id="fault" role="alert">${fault}</p>`;
}

export function faultAttributes(fault: string | undefined): Html | undefined {
  return fault === undefined ? undefined : html`aria-invalid="true" aria-describedby="fault"`;
}
