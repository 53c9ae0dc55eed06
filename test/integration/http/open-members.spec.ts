import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

/** Names that every object has already. */
const OF_EVERY_OBJECT = { constructor: 'a', toString: 'b', hasOwnProperty: 'c', valueOf: 'd' };

describe('a member that a back end names itself', () => {
  let otpost: Otpost;
  let headers: Record<string, string>;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web' });
    headers = { authorization: `Bearer ${await createApiKey(otpost.database.url, ['admin'])}` };
  });
  afterAll(() => otpost.stop());

  it('is kept in the metadata of a message, whatever its name', async () => {
    const message = { to: 'ada@example.com', subject: 'Hello', text: 'Hello', metadata: OF_EVERY_OBJECT };
    const { status, body } = await otpost.api.post<{ id: string }>('/v1/emails', message, headers);
    expect([status, body]).toMatchObject([202, {}]);
    const kept = await otpost.api.send<{ metadata: object }>('GET', `/v1/emails/${body.id}`, headers);
    expect(kept.body.metadata).toEqual(OF_EVERY_OBJECT);
  });

  it('is kept as an attribute of a subscriber, whatever its name', async () => {
    const audience = await otpost.api.post<{ id: string }>('/v1/audiences', { name: 'Readers' }, headers);
    const path = `/v1/audiences/${audience.body.id}/subscribers`;
    const { status, body } = await otpost.api.post<{ attributes: object }>(
      path,
      { email: 'ada@example.com', attributes: OF_EVERY_OBJECT },
      headers,
    );
    expect([status, body.attributes]).toEqual([201, OF_EVERY_OBJECT]);
  });

  it.each(Object.keys(OF_EVERY_OBJECT))('is refused as %s where the API names all members', async (name) => {
    const attachment = { filename: 'a.txt', content: 'YQ==', [name]: 'x' };
    const message = { to: 'ada@example.com', subject: 'Hello', text: 'Hello', attachments: [attachment] };
    const { status, body } = await otpost.api.post<{ errors: object[] }>('/v1/emails', message, headers);
    expect([status, body.errors]).toMatchObject([
      422,
      [{ field: `attachments.0.${name}`, code: 'unknown_field', message: 'is not a field of this request' }],
    ]);
  });

  it('is refused by its name where a template has no such variable', async () => {
    const message = { to: 'ada@example.com', template: 'welcome', variables: OF_EVERY_OBJECT };
    const { status, body } = await otpost.api.post<{ errors: { field: string }[] }>('/v1/emails', message, headers);
    expect(status).toBe(422);
    expect(body.errors.map(({ field }) => field)).toEqual(
      expect.arrayContaining(Object.keys(OF_EVERY_OBJECT).map((name) => `variables.${name}`)),
    );
  });
});
