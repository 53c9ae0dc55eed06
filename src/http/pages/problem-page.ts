import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Html, html } from '../../core/html.js';
import { Logger } from '../../core/logger.js';
import { Problem } from '../../core/problems.js';
import { databaseProblemOf, DatabaseSilent } from '../../database/database-errors.js';
import { type Page, PageWriter } from './page-frame.js';
import { durationWords } from './page-parts.js';
import type { PlainWord, Say, Word } from './words.js';
import { EN } from './words/en.js';

type ToldOfTexts = Word extends infer W ? (W extends `problem.${infer Code}.sms` ? Code : never) : never;
type Told = Word extends infer W ? (W extends `problem.${infer Code}.text` ? Code : never) : never;

function isTold(code: string): code is Told {
  return `problem.${code}.text` in EN;
}

/**
 * What people are told; the registry of problems speaks to programs. Of others: whether it is theirs to mend, or ours.
 */
function toldOf({ code, status }: Problem): Told {
  if (isTold(code)) return code;
  return status < 500 ? 'other_refusal' : 'unforeseen';
}

const ABOUT_TEXT = new WeakSet<FastifyRequest>();

/** What is refused is a code that went by SMS: there is no link in it, and no spam folder. */
export function speakOfText(request: FastifyRequest): void {
  ABOUT_TEXT.add(request);
}

function textOf(told: Told, aboutText: boolean): PlainWord {
  const bySms = `problem.${told}.sms`;
  return aboutText && bySms in EN ? (bySms as `problem.${ToldOfTexts}.sms`) : `problem.${told}.text`;
}

/** @param url of the page that was asked for, where it decides which way on is shown */
export function problemPage(problem: Problem, requestId: string, url = '/account', aboutText = false): Page {
  const { status, headers } = problem;
  const told = toldOf(problem);
  const wait = Number(headers['retry-after']);
  return {
    status,
    headers,
    title: (say) => say(`problem.${told}`),
    body: (say) => html`<h1>${say(`problem.${told}`)}</h1>
      <p role="alert">${say(textOf(told, aboutText))} ${status === 429 && wait > 0 && say('problem.try_again', { time: durationWords(wait, say.locale) })}</p>
      <p>${wayOn(url, say)}</p>
      <p class="soft">${say('problem.number', { number: requestId })}</p>`,
  };
}

function wayOn(url: string, say: Say): Html {
  if (/^\/inbox(?=[/?]|$)/.test(url)) return html`<a href="/inbox">${say('problem.to_inbox')}</a>`;
  if (/^\/docs(?=[/?]|$)/.test(url)) return html`<a href="/docs">${say('problem.to_docs')}</a>`;
  return /^\/(account|l)(?=[/?]|$)/.test(url)
    ? html`<a href="/account">${say('problem.to_account')}</a>`
    : html`<a href="/">${say('problem.to_start')}</a>`;
}

/** Every error on a page leaves as a page; the cause of an unforeseen one stays in the log. */
@Catch()
export class PageProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: Logger,
    private readonly pages: PageWriter,
  ) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const { id: requestId, url } = request;
    const problem = problemOf(error);
    if (problem.code === 'internal') this.log.error({ err: error, requestId }, 'a page failed');
    else if (problem.code === 'unavailable')
      this.log.warn(
        { err: new DatabaseSilent('no answer to a page', { cause: error }), requestId },
        'the database did not answer a page',
      );
    const reply = http.getResponse<FastifyReply>();
    await reply.send(this.pages.begin(request, reply, problemPage(problem, requestId, url, ABOUT_TEXT.has(request))));
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return databaseProblemOf(error) ?? new Problem('internal', { cause: error });
}
