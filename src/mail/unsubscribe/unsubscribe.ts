import { Body, Controller, Get, Module, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { type Html, html } from '../../core/html.js';
import { Logger } from '../../core/logger.js';
import { type Page, PageWriter } from '../../http/pages/page-frame.js';
import type { PlainWord, Saying } from '../../http/pages/words.js';
import { type Subscription, UnsubscribeLink } from '../content/unsubscribe-link.js';
import { MailModule } from '../mail.module.js';
import { Subscriptions } from '../subscribers/subscribers.js';
import { Suppressions } from '../suppressions/suppressions.js';

/** Whom the page is about: of a broadcast's message, the audience that they would leave. */
interface Shown {
  address: string;
  token: string;
  audience?: string | undefined;
}

type Action = 'unsubscribe' | 'unsubscribe_all' | 'subscribe';

/** Nothing has happened yet: mail scanners follow links, so following one changes nothing. */
function askedPage(shown: Shown): Page {
  const { audience, address } = shown;
  return pageOf('leave.title', (say) =>
    audience === undefined
      ? html`<h1>${say('leave.from', { what: say.product })}</h1>
        <p>${say('leave.text', { address })}</p>
        ${form(shown, 'unsubscribe', say('leave.title'))}`
      : html`<h1>${say('leave.from', { what: audience })}</h1>
        <p>${say('leave.audience_text', { address })}</p>
        ${form(shown, 'unsubscribe', say('leave.title'))}
        ${form(shown, 'unsubscribe_all', say('leave.all'), 'quiet')}`,
  );
}

function unsubscribedPage(shown: Shown): Page {
  const { audience, address } = shown;
  return pageOf(
    'leave.done_title',
    (say) => html`<h1>${say('leave.done')}</h1>
        <p role="status">${audience === undefined ? say('leave.done_text', { address }) : say('leave.done_audience_text', { address, audience })}</p>
        ${audience !== undefined && form(shown, 'unsubscribe_all', say('leave.all'), 'quiet')}
        ${form(shown, 'subscribe', say('leave.mistake'), 'quiet')}`,
  );
}

function subscribedPage(shown: Shown): Page {
  const { audience, address } = shown;
  return pageOf(
    'leave.title',
    (say) => html`<h1>${say('leave.back')}</h1>
        <p role="status">${audience === undefined ? say('leave.back_text', { address }) : say('leave.back_audience_text', { address, audience })}</p>
        ${form(shown, 'unsubscribe', say('leave.title'), 'quiet')}`,
  );
}

const INVALID = pageOf(
  'leave.title',
  (say) => html`<h1>${say('over.not_found')}</h1>
        <p role="alert">${say('leave.invalid_text')}</p>`,
  404,
);

function pageOf(title: PlainWord, body: Saying, status = 200): Page {
  return {
    status,
    title: (say) => say(title),
    body,
    headers: { 'referrer-policy': 'no-referrer' },
  };
}

function form({ token }: Shown, action: Action, label: Html, dress = ''): Html {
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
    private readonly subscriptions: Subscriptions,
    private readonly log: Logger,
  ) {}

  @Get()
  async page(@Query('t') token: unknown): Promise<Page> {
    const read = this.link.read(String(token));
    return read ? askedPage(await this.shown(read, String(token))) : INVALID;
  }

  @Post()
  async submit(@Query('t') token: unknown, @Body() body: Record<string, unknown> | undefined): Promise<Page> {
    const read = this.link.read(String(token));
    if (!read) return INVALID;
    const shown = await this.shown(read, String(token));
    const { emailId } = read;
    const action = body?.['action'];
    if (action === 'subscribe') {
      await this.suppressions.resubscribe(read.addressCanonical);
      await this.subscriptions.comeBack(read);
      this.log.info({ emailId }, 'subscribed again');
      return subscribedPage(shown);
    }
    const source = action === 'unsubscribe' || action === 'unsubscribe_all' ? 'page' : 'one_click';
    const leavesAll = action === 'unsubscribe_all' || shown.audience === undefined;
    await this.leave(read, leavesAll, source);
    this.log.info({ emailId, source, all: leavesAll }, 'unsubscribed');
    return unsubscribedPage(leavesAll ? { address: shown.address, token: shown.token } : shown);
  }

  /** Without an audience, as of ordinary bulk mail and of an audience that is gone, all newsletters are meant. */
  private async leave(
    { subscriberId, addressCanonical, emailId }: Subscription,
    all: boolean,
    source: string,
  ): Promise<void> {
    if (subscriberId !== undefined) await this.subscriptions.leave({ subscriberId, addressCanonical, emailId });
    // In all audiences, Postgres does the same.
    if (all) await this.suppressions.add({ addressCanonical, scope: 'bulk', reason: 'unsubscribe', source, emailId });
  }

  private async shown({ addressCanonical, subscriberId }: Subscription, token: string): Promise<Shown> {
    const audience = subscriberId === undefined ? undefined : await this.subscriptions.audienceOf(subscriberId);
    return { address: shownAddress(addressCanonical), token, audience };
  }
}

/** The page behind List-Unsubscribe. */
@Module({ imports: [MailModule], controllers: [UnsubscribeController] })
export class UnsubscribeModule {}
