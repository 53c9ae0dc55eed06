import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  Injectable,
  Module,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { reaches, type AccountRole } from '../access/access-policy.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { PageCookies, PageSignIn } from '../accounts/pages/page-cookies.js';
import { AccessTokens } from '../accounts/tokens/access-tokens.js';
import { ACCESS_TOKEN_SECONDS } from '../accounts/tokens/session-policy.js';
import { Settings } from '../config/settings.js';
import { Clock } from '../core/clock.js';
import { html } from '../core/html.js';
import { uuidPipe } from '../core/ids.js';
import { LANGUAGE_TAG } from '../core/locales.js';
import { Problem } from '../core/problems.js';
import { codingsTaken } from '../http/pages/accept-encoding.js';
import { sendFramed } from '../http/pages/mail-frame.js';
import { factsOf, isFromOurPage } from '../http/pages/origin.js';
import { PageWriter, type Page } from '../http/pages/page-frame.js';
import { PageProblemFilter } from '../http/pages/problem-page.js';
import { Composer } from '../mail/content/composer.js';
import { samplesOf } from '../mail/content/template-policy.js';
import { Templates } from '../mail/content/templates.js';
import { MailModule } from '../mail/mail.module.js';
import { KeptContent } from '../mail/submission/kept-content.js';
import { SubmissionModule } from '../mail/submission/submission.module.js';
import { WebFiles } from './web-files.js';

/** Our own files, and calls of our own API: nothing inline, nothing evaluated, nothing from elsewhere. */
const APP_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "frame-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const HTML = 'text/html; charset=utf-8';
const FOREVER = 'public, max-age=31536000, immutable';

/** What the page works with; no cookie opens the API. */
interface Token {
  accessToken: string;
  /** Seconds. */
  expiresIn: number;
  account: { id: string; email: string; name: string | null; role: AccountRole };
}

/** Whoever looks at mail in a frame: its route is asked by a browser, which has the cookie and no token. */
@Injectable()
class StaffCookieGuard implements CanActivate {
  constructor(private readonly signIn: PageSignIn) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const who = await this.signIn.of(context.switchToHttp().getRequest<FastifyRequest>());
    if (!who) throw new Problem('unauthorized');
    if (!reaches(who.account.role, 'viewer')) throw new Problem('role_missing');
    return true;
  }
}

/** Mail as its recipients see it, for the frames of Operations. Never of a code: there is nothing to compose it of. */
@ApiExcludeController()
@UseGuards(StaffCookieGuard)
@UseFilters(PageProblemFilter)
@Controller('operations/frame')
class MailFrameController {
  constructor(
    private readonly kept: KeptContent,
    private readonly templates: Templates,
    private readonly composer: Composer,
  ) {}

  @Get('emails/:id')
  async email(@Param('id', uuidPipe('email_not_found')) id: string, @Res() reply: FastifyReply): Promise<void> {
    const { html } = await this.kept.composeWords(await this.kept.find(id));
    await sendFramed(reply, HTML, html);
  }

  @Get('templates/:name')
  async template(
    @Param('name') name: string,
    @Query('locale') locale: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const template = this.templates.known.get(name);
    if (!template) throw new Problem('template_not_found');
    const wanted = typeof locale === 'string' && LANGUAGE_TAG.test(locale) ? locale : 'en';
    const { html } = this.composer.preview(template, { variables: samplesOf(template), locale: wanted });
    await sendFramed(reply, HTML, html);
  }
}

const notBuilt: Page = {
  status: 503,
  title: 'Operations is being built',
  headers: { refresh: '3' },
  body: html`<h1>Operations is being built</h1>
    <p>This page comes by itself once its files are there. Where nothing happens, build them: <code>npm run build</code></p>
    <p><a href="/">To the start page</a></p>`,
};

function noRight(email: string): Page {
  return {
    status: 403,
    title: 'Operations is for operators',
    body: html`<h1>Operations is for operators</h1>
      <p>You are signed in as <b>${email}</b>, and this account has no right to look at mail.</p>
      <p>An administrator can give it one: <code>otpost admin grant --email ${email} --role operator</code></p>
      <p><a href="/account">To your account</a></p>`,
  };
}

/** The page of operators. It is one program, whatever its path: the browser decides what a path shows. */
@ApiExcludeController()
@UseFilters(PageProblemFilter)
@Controller('operations')
class ConsoleController {
  constructor(
    private readonly files: WebFiles,
    private readonly pages: PageWriter,
    private readonly signIn: PageSignIn,
    private readonly cookies: PageCookies,
  ) {}

  @Get('assets/:name')
  async asset(
    @Param('name') name: string,
    @Req() { headers }: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const file = /\.(js|css|svg)$/.test(name) ? await this.files.find(name, codingsTaken(headers)) : undefined;
    if (!file) throw new Problem('not_found');
    const { type, bytes, encoding } = file;
    void reply.headers({ 'content-type': type, 'cache-control': FOREVER, vary: 'accept-encoding' });
    await reply.headers(encoding === undefined ? {} : { 'content-encoding': encoding }).send(bytes);
  }

  @Get()
  home(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.show(request, reply);
  }

  @Get('*')
  inside(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.show(request, reply);
  }

  /** Whoever is not signed in comes back to this very page, with its filters, once they are. */
  private async show(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    void reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'same-origin', vary: 'accept-encoding' });
    const who = await this.signIn.of(request);
    if (!who) {
      this.pages.begin(request, reply, { to: '/account', cookies: [this.cookies.returning(request.url)] });
      return void (await reply.send());
    }
    const { role, email } = who.account;
    if (!reaches(role, 'viewer')) return void (await reply.send(this.pages.begin(request, reply, noRight(email))));
    const page = await this.files.page(codingsTaken(request.headers));
    if (!page) return void (await reply.send(this.pages.begin(request, reply, notBuilt)));
    void reply.headers({ 'content-security-policy': APP_POLICY, 'content-type': page.type });
    await reply.headers(page.encoding === undefined ? {} : { 'content-encoding': page.encoding }).send(page.bytes);
  }
}

/**
 * An access token for the page, made of the session that its browser is signed in with. The cookie opens this and
 * nothing of the API, so no other page can have anything done by it: a request that carries it changes nothing, and
 * only our page can read the answer.
 */
@ApiExcludeController()
@Controller('operations')
class ConsoleTokenController {
  constructor(
    private readonly settings: Settings,
    private readonly signIn: PageSignIn,
    private readonly tokens: AccessTokens,
    private readonly clock: Clock,
  ) {}

  @Post('token')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async token(@Req() request: FastifyRequest): Promise<Token> {
    if (!isFromOurPage(factsOf(request), this.settings)) throw new Problem('forbidden');
    const who = await this.signIn.of(request);
    if (!who) throw new Problem('unauthorized');
    const { id, email, name, role } = who.account;
    if (!reaches(role, 'viewer')) throw new Problem('role_missing');
    const { id: sessionId, authenticatedAt } = who.session;
    const session = { id: sessionId, accountId: id, authenticatedAt };
    return {
      accessToken: await this.tokens.issue(session, this.clock.now()),
      expiresIn: ACCESS_TOKEN_SECONDS,
      account: { id, email, name, role },
    };
  }
}

@Module({
  imports: [AccountsModule, MailModule, SubmissionModule],
  controllers: [MailFrameController, ConsoleTokenController, ConsoleController],
  providers: [StaffCookieGuard, WebFiles],
})
export class ConsoleModule {}
