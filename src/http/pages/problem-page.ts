import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Html, html } from '../../core/html.js';
import { Logger } from '../../core/logger.js';
import { Problem, type ProblemCode } from '../../core/problems.js';
import { databaseProblemOf, DatabaseSilent } from '../../database/database-errors.js';
import { type Page, PageWriter } from './page-frame.js';
import { durationWords } from './page-parts.js';

interface Words {
  title: string;
  text: string;
}

/** What people are told; the registry of problems speaks to programs. */
const WORDS: Partial<Record<ProblemCode, Words>> = {
  not_found: {
    title: 'There is no such page',
    text: 'Compare the address with the one in the mail or on the page that led here: a part of it may be missing.',
  },
  email_not_found: { title: 'There is no such message', text: 'It may have been removed.' },
  setup_done: { title: 'There is an administrator already', text: 'Ask one of them for help.' },
  setup_link_invalid: { title: 'This link is not good any more', text: 'It works once and for 24 hours.' },
  unauthorized: { title: 'You have to sign in for this', text: 'Sign in, then open the page again.' },
  bad_request: {
    title: 'That cannot be understood',
    text: 'The address or the form did not arrive whole. Go back, and try again.',
  },
  malformed_json: {
    title: 'That cannot be understood',
    text: 'The form did not arrive whole. Go back, and try again.',
  },
  validation_failed: {
    title: 'Something in it cannot be taken',
    text: 'Go back, compare what you have typed, and try again.',
  },
  unsupported_media_type: {
    title: 'That cannot be understood',
    text: 'The form did not arrive as our page sends it. Open the page again, and try once more.',
  },
  method_not_allowed: { title: 'That cannot be done here', text: 'Open the page again, and try once more.' },
  body_too_large: { title: 'That is too much at once', text: 'What was sent is too long. Go back, and shorten it.' },
  headers_too_large: {
    title: 'Your browser sends too much',
    text: 'Delete the cookies of this site in your browser, then try again. You will have to sign in anew.',
  },
  request_timeout: { title: 'It took too long to arrive', text: 'The connection may be slow. Please try again.' },
  forbidden: {
    title: 'Not from there',
    text: 'This form was sent from another site, so nothing was done. Open our page itself and try again.',
  },
  challenge_not_found: {
    title: 'There is no such code',
    text: 'It was asked for in another browser, or too long ago. Begin again.',
  },
  session_not_found: { title: 'That device is signed out', text: 'Its session has ended already.' },
  otp_expired: { title: 'The code has expired', text: 'It works for ten minutes. Begin again, and a new one comes.' },
  otp_consumed: {
    title: 'The code was used already',
    text: 'It works once, and so does the link in its mail. Begin again, and a new one comes.',
  },
  otp_disowned: {
    title: 'The code was stopped',
    text: 'Whoever got its mail said that they did not ask for it. Begin again, and a new one comes.',
  },
  otp_locked: {
    title: 'Too many wrong codes',
    text: 'The link in the mail still works. Or begin again, and a new code comes.',
  },
  too_many_failures: { title: 'Too many wrong codes', text: 'The link in the newest mail still works.' },
  rate_limited: {
    title: 'Too many tries',
    text: 'To keep strangers from flooding mailboxes, there are limits on how often one may ask.',
  },
  resend_too_soon: { title: 'It was sent a moment ago', text: 'Mail can take a minute; look among the junk, too.' },
  resend_exhausted: {
    title: 'It was sent often enough',
    text: 'Compare the address, and look among the junk. Once this code has expired, a new one can be asked for.',
  },
  busy: { title: 'Too much is going on', text: 'Nothing was done. Please try again in a moment.' },
  unavailable: {
    title: 'It does not work at the moment',
    text: 'The fault is ours, and mostly soon over. Please try again in a moment.',
  },
};
/** Of what is the caller's to mend, and of what is ours. */
const OTHER_REFUSAL: Words = { title: 'That does not work', text: 'Go back, and try again.' };
const UNFORESEEN: Words = { title: 'Something went wrong', text: 'The fault is ours. Please try again.' };

/** @param url of the page that was asked for, where it decides which way on is shown */
export function problemPage({ code, status, headers }: Problem, requestId: string, url = '/account'): Page {
  const words = WORDS[code] ?? (status < 500 ? OTHER_REFUSAL : UNFORESEEN);
  const wait = Number(headers['retry-after']);
  return {
    status,
    headers,
    title: words.title,
    body: html`<h1>${words.title}</h1>
      <p role="alert">${words.text} ${status === 429 && wait > 0 && `Try again in ${durationWords(wait)}.`}</p>
      <p>${wayOn(url)}</p>
      <p class="soft">If it stays, tell whoever runs this service this number: <b>${requestId}</b></p>`,
  };
}

function wayOn(url: string): Html {
  if (/^\/inbox(?=[/?]|$)/.test(url)) return html`<a href="/inbox">To the inbox</a>`;
  if (/^\/docs(?=[/?]|$)/.test(url)) return html`<a href="/docs">To the documentation</a>`;
  return /^\/(account|l)(?=[/?]|$)/.test(url)
    ? html`<a href="/account">To your account</a>`
    : html`<a href="/">To the start page</a>`;
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
    const { id: requestId, url } = http.getRequest<FastifyRequest>();
    const problem = problemOf(error);
    if (problem.code === 'internal') this.log.error({ err: error, requestId }, 'a page failed');
    else if (problem.code === 'unavailable')
      this.log.warn(
        { err: new DatabaseSilent('no answer to a page', { cause: error }), requestId },
        'the database did not answer a page',
      );
    const reply = http.getResponse<FastifyReply>();
    await reply.send(this.pages.begin(reply, problemPage(problem, requestId, url)));
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return databaseProblemOf(error) ?? new Problem('internal', { cause: error });
}
