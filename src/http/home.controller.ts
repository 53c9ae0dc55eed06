import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { SETTINGS, type Settings } from '../config/settings.js';
import { inboxExists } from '../mail/inbox/inbox-access.js';

/** The front door: says what this is and where to go. */
@ApiExcludeController()
@Controller()
export class HomeController {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
  home(): string {
    const places = [
      ['/account', 'Account', 'sign in, and see where you are signed in'],
      ...(inboxExists(this.settings) ? [['/inbox', 'Inbox', 'every mail that is captured instead of sent']] : []),
      ['/docs', 'API documentation', 'OpenAPI 3.1; the description itself is at /docs/json'],
      ['/health', 'Health', 'Postgres, broker, and the way out for mail'],
    ];
    const items = places.map(([href, name, text]) => `<li><a href="${href}">${name}</a><span>${text}</span></li>`);
    return PAGE.replace('{{places}}', items.join(''));
  }
}

const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>Otpost</title>
<style>
body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}
main{max-width:32rem;padding:2rem}h1{margin:0;font-size:2rem}p{margin:.25rem 0 1.5rem;opacity:.75}
ul{list-style:none;margin:0;padding:0}li{padding:.75rem 0;border-top:1px solid color-mix(in srgb,CanvasText 15%,Canvas)}
a{font-weight:600;color:LinkText}span{display:block;opacity:.75}
</style></head>
<body><main><h1>Otpost</h1><p>Accounts, one-time codes, and the mail that carries them.</p><ul>{{places}}</ul></main></body></html>
`;
