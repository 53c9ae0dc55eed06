import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OwnSessions } from '../sessions/own-sessions.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';
import type { PageVerification } from '../verification.js';
import { PageCookies } from './page-cookies.js';

/** Who is signed in to our pages in this browser: asked by its cookie only, never by an access token. */
@Injectable()
export class PageSignIn {
  constructor(
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(OwnSessions) private readonly own: OwnSessions,
    @Inject(PageCookies) private readonly cookies: PageCookies,
  ) {}

  async of(request: FastifyRequest): Promise<LiveSession | undefined> {
    const cookie = this.cookies.session(request);
    return cookie === undefined ? undefined : this.sessions.byCookie(cookie);
  }

  /**
   * A new cookie at each sign-in; the session of the one before ends, whoever's it was (ASVS 5.0, 7.2.4). A second press
   * comes with the cookie that the first one set.
   */
  async enter(signedIn: Extract<PageVerification, { kind: 'signed_in' }>, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const former = this.cookies.session(request) === signedIn.cookie ? undefined : await this.of(request);
    if (former) await this.own.signOut(former.session, this.cookies.sourceOf(request));
    await reply.header('set-cookie', this.cookies.signedIn(request, signedIn)).redirect('/account', 303);
  }

  async leave(reply: FastifyReply): Promise<void> {
    await reply.header('set-cookie', this.cookies.signedOut()).redirect('/account', 303);
  }
}
