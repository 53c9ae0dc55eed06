import { FaultDeployment, type FaultProcess } from '../support/faults/fault-deployment.js';
import { inTime, WITHIN_MS } from '../support/faults/fault-form.js';
import type { FaultPostgres } from '../support/faults/fault-postgres.js';
import { ProviderServer } from '../support/http/provider-server.js';
import { smsApi, SMS_ENTRIES, textIn } from '../support/http/sms-apis.js';
import { inTurn, type Story } from '../support/signals/side-by-side.js';

/** Codes by SMS, each of which is paid for and opens something: the worker dies under them. */
export function killedTexts(postgres: () => FaultPostgres): Story[] {
  let deployment: FaultDeployment;
  let twilio: ProviderServer;
  let key: string;
  let env: Record<string, string>;
  const story = inTurn(
    'a code by SMS whose worker is killed',
    async () => {
      twilio = await ProviderServer.start(smsApi('twilio'));
      env = {
        SMS_TRANSPORTS: `${SMS_ENTRIES.twilio}?endpoint=${twilio.url}`,
        SMS_COUNTRIES: 'PH',
        OUTBOX_RESCUE: 'off',
      };
      deployment = await FaultDeployment.start(postgres(), { env });
      key = await deployment.key(['verifications']);
    },
    { withinMs: WITHIN_MS },
  );
  afterAll(async () => {
    await deployment?.stop();
    await twilio?.stop();
  });

  const worker = (stopAt?: { point: 'claimed'; nth: number }): Promise<FaultProcess> =>
    deployment.spawn('worker', { env: { ...env, WORKER_LANES: 'sms' }, ...(stopAt ? { stopAt } : {}) });

  async function ask(to: string): Promise<void> {
    const body = { to, purpose: 'checkout' };
    const { status } = await deployment.web.post('/v1/verifications', body, { authorization: `Bearer ${key}` });
    expect(status).toBe(202);
  }

  const textsTo = (to: string): number => twilio.requests.filter((request) => textIn(request).to === to).length;

  /** A later worker has looked at everything: what it was asked for after the death went out. */
  async function afterDeath(dead: FaultProcess, to: string, later: string): Promise<string> {
    await dead.kill();
    twilio.script = () => undefined;
    const alive = await worker();
    await ask(later);
    await deployment.settled([to, later]);
    await alive.kill();
    const [row] = await deployment.rows([to]);
    const { body } = await deployment.web.get<{ ledger: { imbalance: number } }>('/health/mail');
    expect(body.ledger.imbalance).toBe(0);
    return row!.story;
  }

  return [
    story('between the offer and the answer stays unknown, and is sent by nobody again', async () => {
      const [to, later] = ['+639170000001', '+639170000002'];
      twilio.script = () => 'hang';
      const doomed = await worker();
      await ask(to);
      await inTime(() => textsTo(to) === 1, 'the provider to have the whole request');
      expect(await afterDeath(doomed, to, later)).toBe('queued sending lease_expired/unknown');
      expect([textsTo(to), textsTo(later)]).toEqual([1, 1]);
    }),

    story('before the offer goes out once', async () => {
      const [to, later] = ['+639170000003', '+639170000004'];
      const doomed = await worker({ point: 'claimed', nth: 1 });
      await ask(to);
      await inTime(() => doomed.stopped, 'the worker to stand behind its claim');
      expect(await afterDeath(doomed, to, later)).toBe('queued sending lease_expired/deferred sending sent');
      expect([textsTo(to), textsTo(later)]).toEqual([1, 1]);
    }),
  ];
}
