import { Body, Controller, Get, Module, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { type Html, html } from '../../core/html.js';
import { Logger } from '../../core/logger.js';
import { type Page, PageWriter, PLAIN } from '../../http/pages/page-frame.js';
import { UnsubscribeLink } from '../content/unsubscribe-link.js';
import { MailModule } from '../mail.module.js';
import { Suppressions } from '../suppressions/suppressions.js';

type Subscription = { address: string; token: string };

/** Nothing has happened yet: mail scanners follow links, so following one changes nothing. */
function askedPage(subscription: Subscription): Page {
  return pageOf(
    'Unsubscribe',
    (product) => html`<h1>Unsubscribe from ${product}?</h1>
        <p><b>${subscription.address}</b> will get no more newsletters. Codes and other mail you ask for still come.</p>
        ${form(subscription, 'unsubscribe', 'Unsubscribe')}`,
  );
}

function unsubscribedPage(subscription: Subscription): Page {
  return pageOf(
    'Unsubscribed',
    (product) => html`<h1>You are unsubscribed</h1>
        <p role="status"><b>${subscription.address}</b> gets no more newsletters from ${product}.</p>
        ${form(subscription, 'subscribe', 'That was a mistake', 'quiet')}`,
  );
}

function subscribedPage(subscription: Subscription): Page {
  return pageOf(
    'Unsubscribe',
    (product) => html`<h1>You are subscribed again</h1>
        <p role="status"><b>${subscription.address}</b> gets newsletters from ${product} as before.</p>
        ${form(subscription, 'unsubscribe', 'Unsubscribe', 'quiet')}`,
  );
}

const INVALID = pageOf(
  'Unsubscribe',
  html`<h1>This link does not work</h1>
        <p role="alert">It may have been cut off by your mail program. Open it from the mail once more, or answer that mail to be unsubscribed.</p>`,
  404,
);

function pageOf(title: string, body: Page['body'], status = 200): Page {
  return { status, title, body, look: PLAIN, headers: { 'referrer-policy': 'no-referrer' } };
}

function form({ token }: Subscription, action: 'unsubscribe' | 'subscribe', label: string, dress = ''): Html {
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

/**
 * Where List-Unsubscribe leads. A mail program posts here without asking its user again (RFC 8058), a person opens the
 * page and presses a button; merely opening it changes nothing, because mail scanners do.
 */
@ApiExcludeController()
@UseInterceptors(PageWriter)
@Controller('unsubscribe')
class UnsubscribeController {
  constructor(
    private readonly link: UnsubscribeLink,
    private readonly suppressions: Suppressions,
    private readonly log: Logger,
  ) {}

  @Get()
  page(@Query('t') token: unknown): Page {
    const read = this.link.read(String(token));
    return read ? askedPage({ address: shownAddress(read.addressCanonical), token: String(token) }) : INVALID;
  }

  @Post()
  async submit(@Query('t') token: unknown, @Body() body: Record<string, unknown> | undefined): Promise<Page> {
    const read = this.link.read(String(token));
    if (!read) return INVALID;
    const { addressCanonical, emailId } = read;
    const shown = { address: shownAddress(addressCanonical), token: String(token) };
    if (body?.['action'] === 'subscribe') {
      await this.suppressions.resubscribe(addressCanonical);
      this.log.info({ emailId }, 'subscribed again');
      return subscribedPage(shown);
    }
    const source = body?.['action'] === 'unsubscribe' ? 'page' : 'one_click';
    await this.suppressions.add({ addressCanonical, scope: 'bulk', reason: 'unsubscribe', source, emailId });
    this.log.info({ emailId, source }, 'unsubscribed');
    return unsubscribedPage(shown);
  }
}

/** The page behind List-Unsubscribe. */
@Module({ imports: [MailModule], controllers: [UnsubscribeController] })
export class UnsubscribeModule {}
