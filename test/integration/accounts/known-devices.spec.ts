import { AccountHolders, type Holder, PASSWORD } from '../../support/service/account-holders.js';
import { createApiKey } from '../../support/service/api-key.js';
import { linkIn, PageClient } from '../../support/http/page-client.js';
import type { IssuedBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, Visitors } from '../../support/service/visitors.js';
import { wrongCode } from '../../support/text/wrong-code.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';
import { eventually } from '../../support/signals/wait.js';

const OTHER = 'a wall of paper lanterns';

/** Of somebody who had the password for a while. */
interface Intruded {
  owner: Holder;
  email: string;
  /** What the intruder's device shows. */
  shown: { 'otpost-device': string };
}

describe('a device that signed in before', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let holders: AccountHolders;
  let visitors: Visitors;
  let key: string;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    const limits = { LIMIT_IP: '1000/10min', LIMIT_DESTINATION: '1000/15min', LIMIT_IP_DESTINATIONS: '1000/h' };
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, APP_URL: 'http://localhost:3000', ...limits });
    holders = new AccountHolders(otpost, sink, 'hana');
    visitors = new Visitors(otpost, sink);
    key = await createApiKey(otpost.database.url, ['admin']);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  async function intruded(): Promise<Intruded> {
    const owner = await holders.signUp({ password: PASSWORD });
    const { email } = owner.account;
    const { deviceToken } = await holders.signedIn(email);
    const shown = { 'otpost-device': deviceToken };
    expect((await holders.signedIn(email, PASSWORD, shown)).deviceToken).toBe(deviceToken);
    return { owner, email, shown };
  }
  const told = async (email: string): Promise<number> =>
    (await holders.noticesFor(email)).filter((notice) => notice === 'notice-new-device').length;

  /** In a session that goes on: no device is forgotten by it. */
  async function setPassword(holder: Holder): Promise<void> {
    expect((await holders.ask('POST', '/v1/me/password', holder, { newPassword: OTHER })).status).toBe(204);
  }

  async function reset({ email }: Intruded): Promise<void> {
    const { body } = await visitors.ask('reset_password', email);
    const code = await visitors.codeOf(body);
    expect((await visitors.verify(body, code, { newPassword: OTHER })).status).toBe(200);
  }

  async function changedAndUndone({ owner, email }: Intruded): Promise<void> {
    const change = { email: holders.fresh(), currentPassword: PASSWORD };
    const { body } = await holders.ask<IssuedBody>('POST', '/v1/me/email', owner, change);
    const code = await visitors.codeOf(body);
    expect((await visitors.verify(body, code, {}, bearer(owner.accessToken))).status).toBe(200);
    const away = await eventually(
      () => visitors.mailsTo(email).find(({ mail }) => mail.text?.includes('/l/undo/')),
      'the notice with the link that undoes it',
    );
    expect((await new PageClient(otpost.api.url).post(linkIn(away.mail.text))).status).toBe(200);
  }

  async function awayAndBack({ owner, email }: Intruded): Promise<void> {
    let { accessToken } = owner;
    for (const to of [holders.fresh(), email]) {
      const change = { email: to, currentPassword: PASSWORD };
      const { body } = await holders.ask<IssuedBody>('POST', '/v1/me/email', { accessToken }, change);
      const code = await visitors.codeOf(body);
      ({ accessToken } = (await visitors.verify(body, code, {}, bearer(accessToken))).body);
    }
  }

  async function deletedAndMadeAgain({ owner, email }: Intruded): Promise<void> {
    const gone = await holders.ask('DELETE', '/v1/me', owner, { currentPassword: PASSWORD });
    expect(gone.status).toBe(204);
    await visitors.signUp(email);
  }

  it.each<[string, (who: Intruded) => Promise<void>]>([
    ['a reset of the password', reset],
    ['a change of address that was undone', changedAndUndone],
    [
      'its owner signed out everywhere',
      async ({ owner }) => expect((await holders.ask('DELETE', '/v1/sessions', owner)).status).toBe(204),
    ],
    [
      'staff ended all sessions',
      async ({ owner: { account } }) => {
        const path = `/v1/accounts/${account.id}/sessions`;
        expect((await holders.ask('DELETE', path, { accessToken: key })).status).toBe(204);
      },
    ],
    ['the account was deleted, and another one was made', deletedAndMadeAgain],
    ['the account had another address for a while', awayAndBack],
  ])('is a new one after %s', async (_, end) => {
    const who = await intruded();
    await end(who);
    await setPassword(await visitors.signInByCode(who.email)); // who has one signs in with it
    const before = await told(who.email);
    const { deviceToken } = await holders.signedIn(who.email, OTHER, who.shown);
    expect([deviceToken === who.shown['otpost-device'], await told(who.email)]).toEqual([false, before + 1]);
    await holders.signedIn(who.email, OTHER, { 'otpost-device': deviceToken });
    expect(await told(who.email)).toBe(before + 1);
  });

  it('is given another token by a code, too, once all sessions were ended', async () => {
    const who = await intruded();
    const byCode = async () => {
      const { body } = await visitors.ask('login', who.email);
      return (await visitors.verify(body, await visitors.codeOf(body), {}, who.shown)).body.deviceToken;
    };
    expect(await byCode()).toBe(who.shown['otpost-device']);
    await holders.ask('DELETE', '/v1/sessions', who.owner);
    expect(await byCode()).not.toBe(who.shown['otpost-device']);
  });

  it('tries passwords as everybody does once all sessions were ended, and no more than they', async () => {
    const who = await intruded();
    await holders.ask('DELETE', '/v1/sessions', who.owner);
    for (let n = 0; n < 20; n++) await holders.signIn(who.email, `wrong ${n}`);
    expect((await holders.signIn(who.email, PASSWORD, who.shown)).body.code).toBe('too_many_failures');
  });

  it('guesses codes as everybody does once all sessions were ended, and asks for them within the limits of all', async () => {
    const who = await intruded();
    await holders.ask('DELETE', '/v1/sessions', who.owner);
    const ask = async () => {
      const { status, body } = await visitors.ask('login', who.email, who.shown);
      expect(status).toBe(202); // a device of its own has three
      return body;
    };
    const guess = async (issued: IssuedBody, headers = {}) =>
      (await visitors.verify(issued, wrongCode(await visitors.codeOf(issued)), {}, headers)).body.code;
    for (let nth = 0; nth < 4; nth++) {
      const issued = await ask();
      for (let n = 0; n < 5; n++) expect(await guess(issued)).toBe('otp_invalid');
    }
    expect(await guess(await ask(), who.shown)).toBe('too_many_failures');
  });

  it('stays known where one session ends, and where a change of password leaves its own', async () => {
    const owner = await holders.signUp({ password: PASSWORD });
    const { email } = owner.account;
    const shown = { 'otpost-device': owner.deviceToken };
    const next = await holders.signedIn(email, PASSWORD, shown);
    await holders.ask('DELETE', '/v1/sessions/current', owner);
    const change = { newPassword: OTHER, currentPassword: PASSWORD };
    expect((await holders.ask('POST', '/v1/me/password', next, change)).status).toBe(204);
    expect((await holders.signedIn(email, OTHER, shown)).deviceToken).toBe(owner.deviceToken);
    expect(await told(email)).toBe(0);
  });
});
