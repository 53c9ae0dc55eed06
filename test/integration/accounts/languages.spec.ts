import { AccountHolders, PASSWORD } from '../../support/service/account-holders.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0';

describe('the language of codes and notices', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let people: AccountHolders;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, MAIL_FROM: 'Acme <no-reply@example.com>' });
    people = new AccountHolders(otpost, sink, 'lang');
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const ask = (email: string, headers: Record<string, string>, more: object = {}) =>
    otpost.api.post('/v1/accounts', { email, ...more }, headers);
  const subjectsTo = async (email: string, count: number): Promise<(string | undefined)[]> =>
    (await sink.waitForMailTo(email, count)).map(({ mail }) => mail.subject);

  it('is what the request asks for, where nobody said another', async () => {
    expect((await ask('fr@example.com', { 'accept-language': 'nl, fr-CA;q=0.8, en;q=0.5' })).status).toBe(202);
    expect((await subjectsTo('fr@example.com', 1))[0]).toMatch(/^Votre code Acme, référence /);
    await ask('de@example.com', { 'accept-language': 'fr' }, { locale: 'de' });
    expect((await subjectsTo('de@example.com', 1))[0]).toMatch(/^Ihr Code für Acme, Referenz /);
    await ask('nl@example.com', { 'accept-language': 'nl' });
    expect((await subjectsTo('nl@example.com', 1))[0]).toMatch(/^Your Acme code, reference /);
  });

  it('is that of the account from then on, whoever asks', async () => {
    const { account } = await people.signUp({ locale: 'es', password: PASSWORD });
    await otpost.api.post('/v1/otp', { purpose: 'login', email: account.email }, { 'accept-language': 'fil' });
    await people.signedIn(account.email, PASSWORD, { 'user-agent': FIREFOX, 'accept-language': 'fil' });
    const mails = await sink.waitForMailTo(account.email, 3);
    expect(mails.map(({ mail }) => mail.subject).sort()).toEqual([
      'Nuevo inicio de sesión en tu cuenta de Acme',
      expect.stringMatching(/^Tu código de Acme, referencia /),
      expect.stringMatching(/^Tu código de Acme, referencia /),
    ]);
    const notice = mails.find(({ mail }) => mail.subject!.startsWith('Nuevo'))!.mail;
    expect(notice.text).toMatch(
      /Cuándo: \d+ de [a-z]+ de \d{4} a las .*UTC\nDispositivo: Firefox en Linux\nDirección IP: /,
    );
  });
});
