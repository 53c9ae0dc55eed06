import { describeWithChromium } from '../support/http/chromium.js';
import { AudienceClient } from '../support/service/audience.js';
import { makeAccount, messageTo, Operator } from '../support/service/console.js';
import { type OpenOperations, openOperations } from '../support/service/open-operations.js';

const ADMIN = 'ada@example.com';
/** What is no action: it shows more, or less, of what there is. */
const LOOKS =
  /^(Menu|Live|Keys|Sign out|Search|More filters|Newest|Older|Oldest|Newer|Save view|Desktop|Phone|Light|Dark|Rendered|Text|Source|Headers|Copy id|all( \d.*)?|(scheduled|queued|sending|deferred|sent|delivered|bounced|complained|failed|unknown|cancelled|expired|suppressed) \d.*|\d+ new .*|email\.\w+)$/;

describeWithChromium('every page of Operations', () => {
  let { otpost, operator: viewer, close } = {} as OpenOperations;
  let admin: Operator;
  let paths: string[];

  beforeAll(async () => {
    const opened = await openOperations({ email: 'vera@example.com', role: 'viewer' });
    ({ otpost, operator: viewer, close } = opened);
    const { sink, database, chromium, account, key, headers } = opened;
    await makeAccount(database, ADMIN, 'admin');
    const post = (path: string, body: object) => otpost.api.post<{ id: string }>(path, body, headers);
    await post('/v1/emails', { to: 'mary@example.com', subject: 'Hello', text: 'Hello' });
    await post('/v1/suppressions', { address: 'nobody@example.com' });
    const endpoint = (
      await post('/v1/webhook-endpoints', { url: 'https://shop.example.com/hook', events: ['email.failed'] })
    ).body;
    const audience = await AudienceClient.make(otpost.api, key);
    await audience.add('subscriber@example.com');
    const scheduledAt = new Date(Date.now() + 86_400_000).toISOString();
    const broadcast = await post('/v1/broadcasts', {
      audience: audience.id,
      subject: 'News',
      text: 'News',
      scheduledAt,
    });
    const sent = await messageTo(database, 'mary@example.com', 'sent');
    const lost = (await post('/v1/emails', { to: 'lost@example.com', subject: 'Lost', text: 'Lost', scheduledAt })).body
      .id;
    paths = [
      '',
      '/messages',
      `/messages/${sent}`,
      `/messages/${lost}`,
      '/broadcasts',
      `/broadcasts/${broadcast.body.id}`,
    ]
      .concat([
        '/audiences',
        `/audiences/${audience.id}`,
        '/suppressions',
        '/templates',
        '/templates/verification-code',
      ])
      .concat(['/webhooks', `/webhooks/${endpoint.id}`, '/schedules', '/keys', '/accounts', `/accounts/${account}`])
      .concat(['/audit', '/trial', '/nowhere']);
    admin = await Operator.open(await chromium.another(), viewer.url);
    await admin.signIn('/operations', ADMIN, sink);
  });
  afterAll(() => close());

  it('has no barrier that axe knows of, in light and dark, and on a phone', async () => {
    const faults: string[] = [];
    for (const [colorScheme, width] of [
      ['light', 1_280],
      ['dark', 390],
    ] as const) {
      await admin.page.emulateMedia({ colorScheme });
      await admin.page.setViewportSize({ width, height: 844 });
      for (const path of paths) {
        await admin.open(`/operations${path}`);
        await admin.page.locator('main table, main dl, main p').first().waitFor();
        faults.push(...(await admin.axe()).map((fault) => `${path} ${colorScheme} ${width}: ${fault}`));
        const wide = await admin.page.evaluate<number>('document.documentElement.scrollWidth');
        if (wide > width) faults.push(`${path} is ${wide} px wide where ${width} are there`);
      }
    }
    expect(faults).toEqual([]);
    expect(admin.complaints).toEqual([]);
  });

  it('is seen by a viewer, without an action on any of them', async () => {
    const actions: string[] = [];
    for (const path of paths) {
      await viewer.open(`/operations${path}`);
      await viewer.page.locator('main table, main dl, main p').first().waitFor();
      await expect(viewer.page.getByText('lacks the role').count()).resolves.toBe(0);
      const names = await viewer.page
        .locator('button:visible, main input[type=checkbox]:visible, main input[type=file]')
        .evaluateAll((all: { ariaLabel: string | null; textContent: string | null; type: string }[]) =>
          all.map(({ ariaLabel, textContent, type }) => ariaLabel ?? (textContent?.trim() || type)),
        );
      actions.push(...names.filter((name) => !LOOKS.test(name)).map((name) => `${path}: ${name}`));
    }
    expect(actions).toEqual([]);
    expect(viewer.complaints).toEqual([]);
  });

  it('tells a viewer that a code is for operators, and shows no way to it', async () => {
    await viewer.open('/operations/trial');
    await viewer.page.getByText('This is for operators').waitFor();
    const places = viewer.page.getByRole('navigation', { name: 'Operations' }).getByRole('link');
    await expect(places.allTextContents()).resolves.not.toContain('Send yourself a code');
  });

  it('does nothing for a viewer that the API would: it refuses whatever they call', async () => {
    const cookies = (await viewer.page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
    const token = await fetch(`${viewer.url}/operations/token`, {
      method: 'POST',
      headers: { cookie: cookies, origin: viewer.url },
    });
    const { accessToken } = (await token.json()) as { accessToken: string };
    const { paths: described } = (
      await otpost.api.get<{ paths: Record<string, Record<string, { 'x-access'?: { role?: string } }>> }>('/docs/json')
    ).body;
    const nobody = '0198d0d0-0000-7000-8000-000000000000';
    const statuses: [string, number][] = [];
    for (const [path, methods] of Object.entries(described))
      for (const [method, { 'x-access': access }] of Object.entries(methods)) {
        // A preview is a look, though it is a POST.
        if (access === undefined || method === 'get' || access.role === 'viewer') continue;
        const { status } = await otpost.api.send(
          method.toUpperCase(),
          path.replace(/\{\w+\}/g, nobody),
          { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
          '{}',
        );
        statuses.push([`${method} ${path}`, status]);
      }
    expect(statuses.length).toBeGreaterThan(30);
    expect(statuses.filter(([, status]) => status !== 403 && status !== 415)).toEqual([]);
  });
});
