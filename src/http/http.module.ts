import { Controller, Get, Header, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { ApiExcludeController } from '@nestjs/swagger';
import { Settings } from '../config/settings.js';
import { html } from '../core/html.js';
import { inboxExists } from '../mail/inbox/inbox-access.js';
import { frame, lookOf, PLAIN_STYLE } from './pages/page-frame.js';
import { PROBLEM_WRITER, ProblemFilter, problemWriterOf } from './problem-writer.js';
import { FaultCharge } from './validation.js';
import { validationPipe } from '../core/validation.js';

const LOOK = lookOf(`${PLAIN_STYLE}
main { max-width: 32rem; }
h1 { margin: 0; font-size: 2rem; }
p { margin: .25rem 0 1.5rem; opacity: .75; }
ul { list-style: none; margin: 0; padding: 0; }
li { padding: .75rem 0; border-top: 1px solid color-mix(in srgb, CanvasText 15%, Canvas); }
a { font-weight: 600; color: LinkText; }
span { display: block; opacity: .75; }
`);

/** The front door: says what this is and where to go. */
@ApiExcludeController()
@Controller()
class HomeController {
  constructor(private readonly settings: Settings) {}

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', LOOK.policy)
  home(): string {
    const places = [
      ['/account', 'Account', 'sign in, and see where you are signed in'],
      ...(inboxExists(this.settings) ? [['/inbox', 'Inbox', 'every mail that is captured instead of sent']] : []),
      ['/operations', 'Operations', 'what is wrong, what waits, every message and its fate; for operators'],
      ['/docs', 'API documentation', 'OpenAPI 3.1; the description itself is at /docs/json'],
      ['/health', 'Health', 'Postgres, broker, and the way out for mail'],
    ];
    const items = places.map(([href, name, text]) => html`<li><a href="${href}">${name}</a><span>${text}</span></li>`);
    return frame({
      title: 'Otpost',
      head: LOOK.style,
      body: html`<main><h1>Otpost</h1><p>Accounts, one-time codes, and the mail that carries them.</p><ul>${items}</ul></main>`,
    });
  }
}

@Module({
  controllers: [HomeController],
  providers: [
    {
      provide: PROBLEM_WRITER,
      inject: [Settings],
      useFactory: problemWriterOf,
    },
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_FILTER, useClass: FaultCharge }, // asked before the one that takes everything
    { provide: APP_PIPE, useFactory: validationPipe },
  ],
})
export class HttpModule {}
