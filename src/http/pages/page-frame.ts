import { createHash } from 'node:crypto';
import type { CookieSerializeOptions } from '@fastify/cookie';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import { productOf, Settings } from '../../config/settings.js';
import { Html, html } from '../../core/html.js';
import { directionOf, FALLBACK_LOCALE } from '../../core/locales.js';
import { pageLocaleOf, type Saying, sayIn } from './words.js';

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect x='2' y='6' width='28' height='20' rx='4' fill='%23146c5c'/%3E%3Cpath d='m4 9 12 9 12-9' fill='none' stroke='white' stroke-width='2.5'/%3E%3C/svg%3E";

/** The document that every page of ours stands in. */
export function frame({
  title,
  head,
  body,
  attributes,
  locale = FALLBACK_LOCALE,
}: {
  title: string | Html;
  head: Html;
  body: Html;
  attributes?: Html;
  locale?: string;
}): string {
  return html`<!doctype html>
<html lang="${locale}" dir="${directionOf(locale)}"${attributes}>
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="robots" content="noindex" />
    <meta name="color-scheme" content="light dark" />
    <title>${title}</title>
    <link rel="icon" href="${ICON}" />
    ${head}
  </head>
  <body>
    ${body}
  </body>
</html>
`.toString();
}

/** A style sheet, and the policy of a page that has it. */
export interface Look {
  style: Html;
  policy: string;
}

/** No script, nothing from elsewhere, and of styles only this one. */
export function lookOf(style: string): Look {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    'img-src data:',
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { style: html`<style>${new Html(style)}</style>`, policy };
}

/** All text has a contrast of 5.8 at least, and the edges of fields one of 3.0 (measured; WCAG 2.2, 1.4.3 and 1.4.11 ask for 4.5 and 3). */
const CARD_STYLE = `
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

/** Of pages about an account. */
export const CARD = lookOf(CARD_STYLE);

/** Begins the style of pages that stand alone, in the system's own colours. */
export const PLAIN_STYLE = `
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { max-width: 28rem; padding: 2rem; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; }
p { margin: 0 0 1.25rem; }
b, code { overflow-wrap: anywhere; }
button { font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .5rem; background: #146c5c; color: #fff; cursor: pointer; }
button.quiet { background: none; color: inherit; border: 1px solid; }
button:focus-visible, input:focus-visible { outline: 3px solid #59b7a4; outline-offset: 2px; }
`;
export const PLAIN = lookOf(PLAIN_STYLE);

/** One cookie that goes with an answer. */
export interface Cookie {
  name: string;
  value: string;
  options: CookieSerializeOptions;
}

/** One answer to a browser. */
export interface Page {
  status: number;
  /** A text is English, whoever reads it. */
  title: string | Saying;
  body: Html | Saying;
  look?: Look;
  headers?: Record<string, string>;
  cookies?: readonly Cookie[];
}

/** The browser goes on to another page. */
export interface Redirect {
  to: string;
  cookies?: readonly Cookie[];
}

interface WrittenPage {
  headers: Record<string, string>;
  text: string;
}

/**
 * @param product how mails call the product
 * @param wanted the language of whoever reads it, as a tag
 */
export function written({ title, body, look = CARD, headers }: Page, product: string, wanted: string): WrittenPage {
  const speaks = typeof title === 'function';
  const say = sayIn(speaks ? wanted : FALLBACK_LOCALE, product);
  const heading = speaks ? title(say) : title;
  const content = typeof body === 'function' ? body(say) : body;
  return {
    headers: {
      ...headers,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': look.policy,
      'cache-control': 'no-store',
      'content-language': say.locale,
      ...(speaks ? { vary: 'Accept-Language' } : {}),
    },
    text: frame({
      title: html`${heading} · ${product}`,
      head: look.style,
      body: html`<main>${content}</main>`,
      locale: say.locale,
    }),
  };
}

/** Writes what a route of pages returns. */
@Injectable()
export class PageWriter implements NestInterceptor<Page | Redirect, string | undefined> {
  private readonly product: string;

  constructor(settings: Settings) {
    this.product = productOf(settings);
  }

  intercept(context: ExecutionContext, next: CallHandler<Page | Redirect>): Observable<string | undefined> {
    const http = context.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    return next.handle().pipe(map((answer) => this.begin(http.getRequest<FastifyRequest>(), reply, answer)));
  }

  /** Sets status, headers and cookies. @returns the body */
  begin(request: FastifyRequest, reply: FastifyReply, answer: Page | Redirect): string | undefined {
    for (const { name, value, options } of answer.cookies ?? []) void reply.setCookie(name, value, options);
    if ('to' in answer) return void reply.status(303).header('location', answer.to);
    const { headers, text } = written(answer, this.product, pageLocaleOf(request));
    void reply.status(answer.status).headers(headers);
    return text;
  }
}
