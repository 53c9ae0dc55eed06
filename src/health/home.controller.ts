import { Controller, Get, Optional, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Settings } from '../config/settings.js';
import { allTransports } from '../mail/routing/routes.js';
import { type Html, html } from '../core/html.js';
import { isAtTheMachine } from '../http/pages/origin.js';
import { type Page, PageReader, PageWriter } from '../http/pages/page-frame.js';
import { PageProblemFilter } from '../http/pages/problem-page.js';
import type { PlainWord, Say } from '../http/pages/words.js';
import { inboxExists } from '../mail/inbox/inbox-access.js';
import { HealthMonitor, Insiders } from './health-monitor.js';
import { reportOf } from './mail-report-policy.js';
import type { MailProblem } from './troubles-policy.js';

const STATES = {
  ok: ['home.well', 'home.well_text'],
  degraded: ['home.slow', 'home.slow_text'],
  down: ['home.down', 'home.down_text'],
} as const satisfies Record<string, [PlainWord, PlainWord]>;

interface State {
  /** As `/health/mail` says it. */
  status: keyof typeof STATES;
  problems: readonly MailProblem[];
}

interface Home {
  state: State;
  /** Where to go. */
  places: readonly ('account' | 'inbox' | 'operations' | 'docs' | 'health')[];
  /** How to begin, at the machine of a developer; `real`: a transport besides the inbox may send. */
  first: 'captured' | 'real' | undefined;
}

const STYLE = `
.brand { display: none; }
.state { display: flex; gap: .75rem; align-items: baseline; padding: .9rem 1.1rem; border: 1px solid var(--line); border-radius: .75rem; background: var(--raised); }
.state p { margin: 0; }
.state::before { content: ""; flex: none; width: .7rem; height: .7rem; border-radius: 50%; background: var(--good); }
.state[data-health=degraded]::before { background: var(--wait); }
.state[data-health=down]::before { background: var(--danger); }
.button { display: inline-block; padding: .65rem 1.2rem; border: 1px solid var(--edge); border-radius: .5rem; color: inherit; font-weight: 600; text-decoration: none; }
.first form { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; margin-bottom: 1rem; }
.first form div { flex: 1 1 14rem; }
.first input { margin: 0; }
.problems { margin: 1rem 0 0; }
.problems div { display: block; }
.problems dt { color: inherit; font-size: 1rem; overflow-wrap: anywhere; }
.places { margin: 1.5rem 0 0; }
.places li { display: block; }
.places li:last-child { border: 0; }
.places a { font-weight: 600; }
`;

function homePage({ state, places, first }: Home): Page {
  const [title, text] = STATES[state.status];
  const body = (say: Say) => html`<h1>${say.product}</h1>
    <p>${say('home.what')}</p>
    <div class="state" data-health="${state.status}"><p role="status"><b>${say(title)}</b> ${say(text)}</p></div>
    ${state.problems.length > 0 && html`<dl class="problems" lang="en">${state.problems.map(({ message, remedy }) => html`<div><dt>${message}</dt><dd class="soft">${remedy}</dd></div>`)}</dl>`}
    ${first && firstMinute(first, say)}
    <ul class="places">${places.map((name) => html`<li><a href="/${name}">${say(`home.${name}`)}</a><span class="soft">${say(`home.${name}_text`)}</span></li>`)}</ul>`;
  return { status: 200, title: (say) => say(title), body, style: STYLE, wide: true, lively: true };
}

/** Registering, its code and its receipt, one press each. */
function firstMinute(first: 'captured' | 'real', say: Say): Html {
  const email = first === 'captured' ? 'ada@example.com' : undefined;
  return html`<section class="first" aria-labelledby="first">
      <h2 id="first">${say('home.first')}</h2>
      <p class="soft">${say(first === 'captured' ? 'home.first_text' : 'home.first_real')}</p>
      <form method="post" action="/account/sign-in">
        <div><label for="email">${say('sign_in.address')}</label>
        <input id="email" name="email" type="email" autocomplete="off" required="" value="${email}" /></div>
        <button type="submit">${say('home.register')}</button>
      </form>
      <p class="row"><a class="button" href="/inbox">${say('home.read')}</a> <a class="button" href="/inbox?view=receipt">${say('home.receipt')}</a></p>
    </section>`;
}

/** The front door: what this is, whether it is well, and where to go. */
@ApiExcludeController()
@UseFilters(PageProblemFilter)
@Controller()
export class HomeController {
  constructor(
    private readonly settings: Settings,
    private readonly monitor: HealthMonitor,
    private readonly insiders: Insiders,
    private readonly pages: PageWriter,
    @Optional() private readonly reader?: PageReader,
  ) {}

  @Get()
  async home(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    // It says that Postgres is away, so it may not need it.
    if (this.monitor.database.error === undefined) await this.reader?.greet(request);
    const { status, problems } = this.state();
    const told = problems.length > 0 && (await this.insiders.include(request)) ? problems : [];
    const page = homePage({ state: { status, problems: told }, places: this.places(), first: this.first(request) });
    await reply.send(this.pages.begin(request, reply, page));
  }

  private state(): State {
    const { value } = this.monitor.mailFacts;
    if (value === undefined) return { status: 'down', problems: [] };
    return reportOf(value, { transports: allTransports(this.settings), broker: this.monitor.broker });
  }

  private places(): Home['places'] {
    const names = ['account', 'inbox', 'operations', 'docs', 'health'] as const;
    return names.filter((name) => name !== 'inbox' || inboxExists(this.settings));
  }

  private first({ headers, socket }: FastifyRequest): Home['first'] {
    const atTheMachine = isAtTheMachine({ address: socket.remoteAddress, host: headers.host }, this.settings);
    if (!atTheMachine || !inboxExists(this.settings)) return undefined;
    return this.settings.mail.transports.every(({ kind }) => kind === 'capture') ? 'captured' : 'real';
  }
}
