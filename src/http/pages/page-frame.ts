import type { CookieSerializeOptions } from '@fastify/cookie';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, Optional } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, map, type Observable, switchMap } from 'rxjs';
import { Settings } from '../../config/settings.js';
import { type Html, html } from '../../core/html.js';
import { directionOf, FALLBACK_LOCALE } from '../../core/locales.js';
import { type Dress, dressOf, ICON } from './look.js';
import { pageLocaleOf, type Say, type Saying, sayIn } from './words.js';

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
  /** Style that it has besides that of all pages. */
  style?: string;
  wide?: boolean;
  /** It has the script. Pages whose path holds a secret have none. */
  lively?: boolean;
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

/** @param wanted the language of whoever reads it, as a tag */
export function written(
  { title, body, style = '', wide, lively = false, headers }: Page,
  dress: Dress,
  wanted: string,
): WrittenPage {
  const speaks = typeof title === 'function';
  const say = sayIn(speaks ? wanted : FALLBACK_LOCALE, dress.product);
  const heading = speaks ? title(say) : title;
  const content = typeof body === 'function' ? body(say) : body;
  const look = dress.look(style, lively);
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
      title: html`${heading} · ${dress.product}`,
      head: look.style,
      body: html`${brandOnTop(dress)}<main${wide === true && html` class="wide"`}>${content}</main>${help(dress, say)}`,
      locale: say.locale,
    }),
  };
}

function brandOnTop({ product, brand }: Dress): Html {
  return brand.logoUrl === ''
    ? html`<header class="brand">${product}</header>`
    : html`<header class="brand"><img src="${brand.logoUrl}" alt="${product}" /></header>`;
}

function help({ brand: { support, supportScheme } }: Dress, say: Say): Html | false {
  const link = html`<a href="${supportScheme}${support}">${support}</a>`;
  return support !== '' && html`<footer>${say('page.help', { link })}</footer>`;
}

/**
 * Who reads a page of ours, for the rooms that may not ask: where somebody is signed in, pages speak their language.
 */
export abstract class PageReader {
  abstract greet(request: FastifyRequest): Promise<void>;
}

/** Writes what a route of pages returns. */
@Injectable()
export class PageWriter implements NestInterceptor<Page | Redirect, string | undefined> {
  private readonly dress: Dress;

  constructor(
    settings: Settings,
    @Optional() private readonly reader?: PageReader,
  ) {
    this.dress = dressOf(settings);
  }

  intercept(context: ExecutionContext, next: CallHandler<Page | Redirect>): Observable<string | undefined> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    return from(this.reader?.greet(request) ?? Promise.resolve()).pipe(
      switchMap(() => next.handle()),
      map((answer) => this.begin(request, reply, answer)),
    );
  }

  /** Sets status, headers and cookies. @returns the body */
  begin(request: FastifyRequest, reply: FastifyReply, answer: Page | Redirect): string | undefined {
    for (const { name, value, options } of answer.cookies ?? []) void reply.setCookie(name, value, options);
    if ('to' in answer) return void reply.status(303).header('location', answer.to);
    const { headers, text } = written(answer, this.dress, pageLocaleOf(request));
    void reply.status(answer.status).headers(headers);
    return text;
  }
}
