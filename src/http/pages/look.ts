import { createHash } from 'node:crypto';
import { productOf, type Settings } from '../../config/settings.js';
import { readable } from '../../core/contrast.js';
import { Html, html } from '../../core/html.js';
import { type Brand, brandOf, DEFAULT_COLOR } from '../../mail/content/brand-policy.js';
import { PAGE_SCRIPT_PATH } from './page-script.js';

/** The one icon: an envelope. The file of Operations, `web/src/icon.svg`, is the same. */
export const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect x='2' y='6' width='28' height='20' rx='4' fill='%23146c5c'/%3E%3Cpath d='m4 9 12 9 12-9' fill='none' stroke='white' stroke-width='2.5'/%3E%3C/svg%3E";

const DARK_SHEET = '#1a1f1e';
const DARK_INK = '#e6eae8';

/**
 * Of all pages, those of Operations too (`web/src/base.css`). Text has a contrast of 4.5 at least, and the edges of
 * fields one of 3.0 (WCAG 2.2, 1.4.3 and 1.4.11).
 */
export const COLOURS = `
:root { color-scheme: light dark; --ground: #f6f6f4; --sheet: #fff; --raised: #fafaf8; --ink: #1d2321; --soft: #5a6461; --line: #e2e4df; --edge: #858e8a; --accent: #146c5c; --button: #146c5c; --on-button: #fff; --tint: #e4f1ed; --good: #1a6b4a; --wait: #7a5200; --danger: #a32f24; --mono: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #121615; --sheet: ${DARK_SHEET}; --raised: #202624; --ink: ${DARK_INK}; --soft: #9ba6a2; --line: #2c3331; --edge: #727d79; --accent: #6fcdb6; --button: #6fcdb6; --on-button: #0c211b; --tint: #1d322d; --good: #7fd3a6; --wait: #e9bd6a; --danger: #f0958b; }
}
`;

const STYLE = `${COLOURS}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
[hidden] { display: none !important; }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 1rem; padding: 1.5rem 1rem; font: 16px/1.5 system-ui, sans-serif; background: var(--ground); color: var(--ink); }
.brand { font-weight: 650; overflow-wrap: anywhere; text-align: center; }
.brand img { display: block; height: 32px; max-width: 100%; }
main { width: 100%; max-width: 30rem; padding: 2rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 1rem; }
main.wide { max-width: 44rem; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; text-wrap: balance; }
h2 { margin: 2rem 0 .25rem; font-size: 1.05rem; }
p { margin: 0 0 1rem; text-wrap: pretty; }
main > :last-child, form > :last-child { margin-bottom: 0; }
b, code { overflow-wrap: anywhere; }
code { font: .9em var(--mono); }
a { color: var(--accent); text-underline-offset: 2px; }
.soft, footer { color: var(--soft); font-size: .9rem; }
.fault, [data-state=failed], [data-state=bounced], [data-state=expired], [data-state=our_fault] { color: var(--danger); font-weight: 600; }
.done { padding: .6rem .9rem; border-radius: .5rem; background: var(--tint); }
label { display: block; margin-bottom: .35rem; font-weight: 600; }
input, select { display: block; width: 100%; margin-bottom: 1rem; padding: .65rem .8rem; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--edge); border-radius: .5rem; }
input[aria-invalid] { border-color: var(--danger); }
input.code { font: 600 1.5rem/1.3 var(--mono); letter-spacing: .2em; }
small { display: block; margin: -.6rem 0 1rem; color: var(--soft); font-size: .9rem; }
small[role=alert] { color: var(--danger); font-weight: 600; }
button { font: inherit; font-weight: 600; padding: .65rem 1.2rem; border: 1px solid var(--button); border-radius: .5rem; background: var(--button); color: var(--on-button); cursor: pointer; }
button.quiet { background: none; color: inherit; border-color: var(--edge); }
button.danger { background: none; color: var(--danger); border-color: var(--danger); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
form { margin: 0 0 1.25rem; }
.row { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin-bottom: 1.25rem; }
.row form, .row button { margin: 0; }
ul, dl { list-style: none; margin: 0 0 1.25rem; padding: 0; }
li, dl div { display: flex; gap: 1rem; align-items: center; justify-content: space-between; padding: .9rem 0; border-bottom: 1px solid var(--line); }
dl div { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 1rem; align-items: baseline; padding: .6rem 0; }
dt { grid-column: 1 / -1; color: var(--soft); font-size: .9rem; }
dd { margin: 0; overflow-wrap: anywhere; }
li form { margin: 0; }
li button { white-space: nowrap; }
li .soft { display: block; overflow-wrap: anywhere; }
@media (max-width: 30rem) { body { padding: 0; justify-content: flex-start; gap: 0; background: var(--sheet); } .brand { padding: 1rem 1.25rem 0; align-self: flex-start; } main { padding: 1.5rem 1.25rem; border: 0; border-radius: 0; } footer { padding: 0 1.25rem 1.5rem; align-self: flex-start; } main > form > button, main > form > .row > button { width: 100%; } }
`;

/** A style sheet, and the policy of a page that has it. */
export interface Look {
  style: Html;
  policy: string;
}

/**
 * Nothing inline but this style sheet, nothing from elsewhere but the logo; the script of a lively page is a file of
 * ours.
 */
function lookOf(style: string, lively: boolean, logoUrl = ''): Look {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    `img-src data:${URL.canParse(logoUrl) ? ` ${new URL(logoUrl).origin}` : ''}`,
    ...(lively ? ["script-src 'self'", "connect-src 'self'"] : []),
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return {
    style: html`<style>${new Html(style)}</style>${lively && html`<script src="${PAGE_SCRIPT_PATH}" defer></script>`}`,
    policy,
  };
}

/** The same for whoever has no BRAND_ of their own. */
export const LOOK = lookOf(STYLE, false);

/** How pages look, and what they call the product. */
export interface Dress {
  product: string;
  brand: Brand;
  /** @param more style that a page has besides @param lively whether it has the script */
  look: (more: string, lively: boolean) => Look;
}

export function dressOf({ mail }: Pick<Settings, 'mail'>): Dress {
  const brand = brandOf(mail.brand);
  const style = STYLE + brandColours(brand);
  return {
    product: productOf({ mail }),
    brand,
    look: (more, lively) => lookOf(style + more, lively, brand.logoUrl),
  };
}

/** A colour of the deployment's own, where words on it, and in it, can be read. */
export function brandColours({ color, onColor, linkColor }: Brand): string {
  if (color.toLowerCase() === DEFAULT_COLOR) return '';
  const dark = paler(color);
  return `:root { --button: ${color}; --on-button: ${onColor}; --accent: ${linkColor}; }
@media (prefers-color-scheme: dark) { :root { --button: ${dark}; --on-button: #000; --accent: ${dark}; } }
`;
}

/** Mixed with white until it can be read on the dark sheet. */
function paler(color: string): string {
  for (let white = 0; white < 10; white++) {
    const mixed = mix(color, white / 10);
    if (readable(mixed, DARK_SHEET)) return mixed;
  }
  return DARK_INK;
}

function mix(color: string, white: number): string {
  const channels = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  return `#${channels
    .map((value) =>
      Math.round(value + (255 - value) * white)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}
