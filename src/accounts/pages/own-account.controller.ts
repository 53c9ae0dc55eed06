import { Body, Get, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { sendsTexts, Settings, textsSignIn } from '../../config/settings.js';
import { channelTo, parseDestination } from '../../core/destination.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { randomId } from '../../core/ids.js';
import { BUILT_IN_LOCALES } from '../../core/locales.js';
import { Problem } from '../../core/problems.js';
import type { Page, Redirect } from '../../http/pages/page-frame.js';
import { formField } from '../../http/pages/page-parts.js';
import { speakAs } from '../../http/pages/words.js';
import { isNameFit } from '../api/requests.js';
import { CodeRequests } from '../codes/code-requests.js';
import { OwnAccount } from '../me/own-account.js';
import { OwnPassword } from '../me/own-password.js';
import { PhoneChanges } from '../me/phone-changes.js';
import { Proofs, type Wanted } from '../me/proofs.js';
import { MAX_PASSWORD_INPUT } from '../passwords/password-policy.js';
import { Passwords } from '../passwords/passwords.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';
import {
  deletedPage,
  deletePage,
  emailPage,
  passwordPage,
  phonePage,
  profilePage,
  type ProofAsked,
} from './own-account.page.js';
import { numberRefusal, PageCodes } from './page-codes.js';
import { PageCookies, PagesAt, PageSignIn } from './page-cookies.js';

/** What each page takes as a proof of who is signed in; the calls of the API take the same. */
const PROOFS = { password: 'code', email: 'anything', phone: 'anything', delete: 'anything' } as const satisfies Record<
  string,
  Wanted['by']
>;
type Guarded = keyof typeof PROOFS;
type Form = Parameters<typeof passwordPage>[0];

/** What somebody does with their account in a browser; the API does the same for apps. */
@PagesAt('account')
export class OwnAccountController {
  constructor(
    private readonly settings: Settings,
    private readonly account: OwnAccount,
    private readonly password: OwnPassword,
    private readonly phone: PhoneChanges,
    private readonly passwords: Passwords,
    private readonly proofs: Proofs,
    private readonly requests: CodeRequests,
    private readonly codes: PageCodes,
    private readonly signIn: PageSignIn,
    private readonly sessions: Sessions,
    private readonly cookies: PageCookies,
  ) {}

  @Get('profile')
  profile(@Req() request: FastifyRequest): Promise<Page | Redirect> {
    return this.forHolder(request, '/account/profile', async ({ account }) => profilePage({ account }));
  }

  @Post('profile')
  saveProfile(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    return this.forHolder(request, '/account/profile', async ({ account }) => {
      const name = formField(body, 'name').trim();
      if (!isNameFit(name)) return profilePage({ account, name, fault: (say) => say('setup.name_fault') });
      const locale = BUILT_IN_LOCALES.find((known) => known === formField(body, 'locale')) ?? null;
      await this.account.describe(account.id, { name: name || null, locale });
      speakAs(request, { locale });
      return { to: '/account?done=profile' };
    });
  }

  @Get('password')
  passwordForm(@Req() request: FastifyRequest): Promise<Page | Redirect> {
    return this.forHolder(request, '/account/password', async (holder) => ({
      ...passwordPage({ ...this.formOf(holder, 'password'), form: randomId() }),
      cookies: this.cookies.greeting(request),
    }));
  }

  @Post('password')
  setPassword(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const wanted = formField(body, 'newPassword').slice(0, MAX_PASSWORD_INPUT);
    const change = { at: 'password', about: `password ${wanted}`, done: 'password' } as const;
    return this.changeOnce(body, request, change, async (holder, once) => {
      const unfit = this.passwords.fault(wanted, holder.account);
      if (unfit) return { fault: { at: 'field', say: (say) => say(unfit.code) } };
      return this.password.set(holder, wanted, currentPassword(body), this.cookies.sourceOf(request), once);
    });
  }

  @Post('password/remove')
  removePassword(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const change = { at: 'password', about: 'no password', done: 'password_removed' } as const;
    return this.changeOnce(body, request, change, (holder, once) =>
      this.password.remove(holder, currentPassword(body), this.cookies.sourceOf(request), once),
    );
  }

  @Get('email')
  emailForm(@Req() request: FastifyRequest): Promise<Page | Redirect> {
    return this.forHolder(request, '/account/email', async (holder) => ({
      ...emailPage({ ...this.formOf(holder, 'email'), form: randomId() }),
      cookies: this.cookies.greeting(request),
    }));
  }

  /** A code goes to the new address; the former one gets a link that takes the change back. */
  @Post('email')
  changeEmail(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    return this.forHolder(request, '/account/email', async (holder) => {
      const typed = formField(body, 'email');
      const id = formField(body, 'form');
      const form = { ...this.formOf(holder, 'email'), form: id || randomId(), typed };
      const email = parseEmailAddress(typed);
      if (!email) return emailPage({ ...form, fault: { at: 'field', say: (say) => say('sign_in.no_address') } });
      const source = this.cookies.sourceOf(request);
      return this.proven(
        () =>
          this.codes.askOnce(request, { id, about: `change ${email.canonical}` }, (challengeId) =>
            this.requests.changeEmail(holder, email, currentPassword(body), source, challengeId),
          ),
        (fault) => emailPage({ ...form, ...fault }),
      );
    });
  }

  @Get('phone')
  phoneForm(@Req() request: FastifyRequest): Promise<Page | Redirect> {
    return this.forHolder(request, '/account/phone', async (holder) => {
      const form = this.phoneFormOf(holder);
      if (!form.texts && holder.account.phone === null) return { to: '/account' };
      return { ...phonePage({ ...form, form: randomId() }), cookies: this.cookies.greeting(request) };
    });
  }

  /** A code goes to the new number. */
  @Post('phone')
  changePhone(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    return this.forHolder(request, '/account/phone', async (holder) => {
      const typed = formField(body, 'phone');
      const id = formField(body, 'form');
      const form = { ...this.phoneFormOf(holder), form: id || randomId(), typed };
      const number = parseDestination(typed);
      if (!number || channelTo(number.canonical) !== 'sms')
        return phonePage({ ...form, fault: { at: 'field', say: (say) => say('sign_in.no_number') } });
      const source = this.cookies.sourceOf(request);
      try {
        return await this.proven(
          () =>
            this.codes.askOnce(request, { id, about: `change ${number.canonical}` }, (challengeId) =>
              this.requests.changePhone(holder, number, currentPassword(body), source, challengeId),
            ),
          (fault) => phonePage({ ...form, ...fault }),
        );
      } catch (error) {
        const { fault, ...refused } = numberRefusal(error);
        return { ...phonePage({ ...form, fault: { at: 'field', say: fault } }), ...refused };
      }
    });
  }

  @Post('phone/remove')
  removePhone(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const change = { at: 'phone', about: 'no number', done: 'phone_removed' } as const;
    return this.changeOnce(body, request, change, (holder, once) =>
      this.phone.remove(holder, currentPassword(body), this.cookies.sourceOf(request), once),
    );
  }

  @Get('delete')
  deleteForm(@Req() request: FastifyRequest): Promise<Page | Redirect> {
    return this.forHolder(request, '/account/delete', async (holder) => deletePage(this.deleteFormOf(holder)));
  }

  @Post('delete')
  async delete(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const deleted = { ...deletedPage, cookies: [this.cookies.signedOut()] };
    const named = this.cookies.accountNamed(formField(body, 'account'));
    const isGone = async () => named !== undefined && !(await this.account.find(named));
    // The second of two presses comes when the session went with the account, or while that goes.
    if (!(await this.signIn.of(request)) && (await isGone())) return deleted;
    return this.forHolder(request, '/account/delete', async (holder) => {
      // Somebody else signed in since this browser showed the form: it named another account.
      if (named !== holder.account.id) return deletePage(this.deleteFormOf(holder));
      return this.proven(
        async () => {
          try {
            await this.account.delete(holder, currentPassword(body), this.cookies.sourceOf(request));
          } catch (error) {
            if (!(await isGone())) throw error;
          }
          return deleted;
        },
        (fault) => deletePage({ ...this.deleteFormOf(holder), ...fault }),
      );
    });
  }

  /** A code that shows that it is still they; afterwards they are where they were. */
  @Post('confirm')
  confirm(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const next = formField(body, 'next');
    return this.forHolder(request, '/account', async (holder) => {
      if (!Object.hasOwn(PROOFS, next)) return { to: '/account' };
      const channel = formField(body, 'channel') === 'sms' ? 'sms' : 'email';
      // One for each session, page and channel: whoever presses twice gets one code.
      const form = { id: holder.session.id, about: `confirm ${next} by ${channel}` };
      const asked = await this.codes.askOnce(request, form, (challengeId) =>
        this.requests.reauthenticate(holder, channel, this.cookies.sourceOf(request), challengeId),
      );
      return { ...asked, cookies: [...(asked.cookies ?? []), this.cookies.returning(`/account/${next}`)] };
    });
  }

  /**
   * The second of two presses is told what the first one came to. That one changed the cookie of the session, and the
   * second comes with the former one: it is known by the cookie that the form itself gives to the session.
   * @param about what is changed to what, for with another password it is another form
   */
  private async changeOnce(
    body: unknown,
    request: FastifyRequest,
    { at, about, done }: { at: 'password' | 'phone'; about: string; done: string },
    change: (holder: LiveSession, once: string | undefined) => Promise<string | undefined | { fault: Form['fault'] }>,
  ): Promise<Page | Redirect> {
    const to = `/account?done=${done}`;
    const id = formField(body, 'form');
    const once = this.cookies.sessionCookieOf(request, { id, about });
    const isDone = once !== undefined && (await this.sessions.lookByCookie(once)) !== undefined;
    if (isDone) return { to, cookies: [this.cookies.renewed(once)] };
    return this.forHolder(request, `/account/${at}`, async (holder) => {
      const form = id || randomId();
      const again = (fault: object) =>
        at === 'password'
          ? passwordPage({ ...this.formOf(holder, at), form, ...fault })
          : phonePage({ ...this.phoneFormOf(holder), form, ...fault });
      return this.proven(async () => {
        const result = await change(holder, once);
        if (typeof result === 'object') return again(result);
        return { to, cookies: result === undefined ? [] : [this.cookies.renewed(result)] };
      }, again);
    });
  }

  /** Whoever is not signed in comes back once they are. */
  private async forHolder(
    request: FastifyRequest,
    path: string,
    work: (holder: LiveSession) => Promise<Page | Redirect>,
  ): Promise<Page | Redirect> {
    const holder = await this.signIn.of(request);
    if (holder) return work(holder);
    return { to: '/account', cookies: path === '/account' ? [] : [this.cookies.returning(path)] };
  }

  private formOf({ account, session }: LiveSession, page: Guarded) {
    const fresh = this.proofs.isFresh(account, session, PROOFS[page]);
    const proof: ProofAsked = fresh ? 'nothing' : account.passwordHash === null ? 'code' : 'password';
    return { account, proof, textsTo: textsSignIn(this.settings) ? account.phone : null };
  }

  private deleteFormOf(holder: LiveSession) {
    return { ...this.formOf(holder, 'delete'), name: this.cookies.nameFor(holder.account.id) };
  }

  private phoneFormOf(holder: LiveSession) {
    return { ...this.formOf(holder, 'phone'), texts: sendsTexts(this.settings) };
  }

  /** A proof that is missing, or wrong, is asked for again on the same page. */
  private async proven(
    work: () => Promise<Page | Redirect>,
    again: (fault: Pick<Form, 'fault'> & { proof?: ProofAsked }) => Page,
  ): Promise<Page | Redirect> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.code === 'wrong_password')
        return again({ fault: { at: 'proof', say: (say) => say('own.wrong_password') }, proof: 'password' });
      if (error.code === 'reauthentication_required') return again({});
      throw error;
    }
  }
}

/** Empty where it was left out, as where nothing more was asked. */
function currentPassword(body: unknown): string | undefined {
  return formField(body, 'currentPassword').slice(0, MAX_PASSWORD_INPUT) || undefined;
}
