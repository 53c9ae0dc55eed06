import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { randomId } from '../../core/ids.js';
import { Problem, type ProblemCode } from '../../core/problems.js';
import { isUniqueViolation } from '../../database/database-errors.js';
import type { Redirect } from '../../http/pages/page-frame.js';
import type { Saying } from '../../http/pages/words.js';
import type { Challenge } from '../../otp/challenges.js';
import { CodeChecker } from '../../otp/code-checker.js';
import { isPurpose } from '../../otp/purposes.js';
import { PageCookies } from './page-cookies.js';

/** Codes that one form may have asked for, one after the other; a page may stay open for days. */
const MOST_OF_ONE_FORM = 10;

/** A form that asks for a code. */
interface AskingForm {
  /** Names this very form; empty: nobody knows. */
  id: string;
  /** What is asked for, such as an address: with another one it is another form. */
  about: string;
}

/** The codes that one browser asks for on our pages. */
@Injectable()
export class PageCodes {
  constructor(
    private readonly checker: CodeChecker,
    private readonly cookies: PageCookies,
  ) {}

  /**
   * The same form sent twice asks for one code: the second answer leads to the page of the first. @param ask for a
   * challenge that is to have this id
   */
  async askOnce(
    request: FastifyRequest,
    form: AskingForm,
    ask: (challengeId: string) => Promise<unknown>,
  ): Promise<Redirect> {
    const found = await this.challengeOf(request, form);
    if (!found.asked) await this.ask(found.id, ask);
    return { to: `/account/code/${found.id}`, cookies: [this.cookies.waiting(request, found.id)] };
  }

  /**
   * Only codes that were asked for in this browser are given back here (ASVS 5.0, 6.6.2). Otherwise a stranger who
   * registered an address through the API, with a password of his, could send its owner to the page of his own
   * challenge.
   */
  async askedHere(id: string, request: FastifyRequest): Promise<Challenge | undefined> {
    if (!this.cookies.asked(request).includes(id)) return undefined;
    const challenge = await this.checker.find(id);
    return challenge && isPurpose(challenge.purpose) ? challenge : undefined;
  }

  /** Others for the same purpose that this browser waits for, or used a moment ago: mails arrive in any order. */
  async othersOf(challenge: Challenge, request: FastifyRequest): Promise<Challenge[]> {
    const others = [];
    for (const id of this.cookies.asked(request).filter((other) => other !== challenge.id)) {
      const other = await this.askedHere(id, request);
      if (other?.purpose === challenge.purpose && this.checker.mayBeGiven(other)) others.push(other);
    }
    return others;
  }

  /** The challenge of this form, or the id that it is to have. */
  private async challengeOf(
    request: FastifyRequest,
    { id: form, about: email }: AskingForm,
  ): Promise<{ id: string; asked: boolean }> {
    for (let nth = 0; nth < MOST_OF_ONE_FORM; nth++) {
      const id = form === '' ? undefined : this.cookies.challengeIdFor(request, { id: form, email }, nth);
      if (id === undefined) break;
      const challenge = await this.checker.find(id);
      if (!challenge) return { id, asked: false };
      if (!this.checker.over(challenge)) return { id, asked: true };
    }
    return { id: randomId(), asked: false };
  }

  /** Where two presses come in the same moment, the one whose challenge is there already has nothing to do. */
  private async ask(challengeId: string, ask: (challengeId: string) => Promise<unknown>): Promise<void> {
    try {
      await ask(challengeId);
    } catch (error) {
      if (!isUniqueViolation(error) || !(await this.checker.find(challengeId))) throw error;
    }
  }
}

/** Refusals that another number, or an address, may do away with. */
const ABOUT_NUMBER = ['sms_country', 'sms_limited'] as const satisfies ProblemCode[];

/** What the page says beside the field with the number, and what its answer has besides. Every other error goes on. */
export function numberRefusal(error: unknown): { fault: Saying; status: number; headers: Record<string, string> } {
  const code = error instanceof Problem && ABOUT_NUMBER.find((one) => one === error.code);
  if (!code) throw error;
  const { status, headers } = error;
  return { fault: (say) => say(`problem.${code}.text`), status, headers };
}
