import { createConfig, lintFromString } from '@redocly/openapi-core';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

interface Operation {
  operationId: string;
  security: object[];
  responses: Record<string, { $ref?: string; description?: string; content?: object }>;
}

interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, { content: object }> };
}

/** What the recommended rules find, and why it stays. */
const EXCEPTIONS: Record<string, (place: string, message: string) => boolean> = {
  // A fixed segment wins over a parameter in every router here, and `actions` is no id: nothing is ambiguous.
  'no-ambiguous-paths': (_, message) => message.includes('`/v1/emails/actions/{id}`'),
};

/** What clients that are made of the document call the calls of mail. */
const IDS: Record<string, string> = {
  'POST /v1/emails': 'sendEmail',
  'POST /v1/emails/batch': 'sendEmails',
  'GET /v1/emails': 'listEmails',
  'GET /v1/emails/stats': 'countEmails',
  'POST /v1/emails/actions': 'changeEmails',
  'GET /v1/emails/actions/{id}': 'getEmailAction',
  'GET /v1/emails/{id}': 'getEmail',
  'PATCH /v1/emails/{id}': 'updateEmail',
  'POST /v1/emails/{id}/cancel': 'cancelEmail',
  'POST /v1/emails/{id}/retry': 'retryEmail',
  'POST /v1/emails/{id}/resolve': 'resolveEmail',
  'POST /v1/uploads': 'uploadFile',
  'GET /v1/templates': 'listTemplates',
  'GET /v1/templates/{name}': 'getTemplate',
  'POST /v1/templates/{name}/preview': 'previewTemplate',
  'POST /v1/templates/{name}/test': 'testTemplate',
  'GET /v1/suppressions': 'listSuppressions',
  'POST /v1/suppressions': 'addSuppression',
  'DELETE /v1/suppressions': 'liftSuppression',
  'POST /v1/webhook-endpoints': 'createWebhookEndpoint',
  'GET /v1/webhook-endpoints': 'listWebhookEndpoints',
  'GET /v1/webhook-endpoints/{id}': 'getWebhookEndpoint',
  'PATCH /v1/webhook-endpoints/{id}': 'updateWebhookEndpoint',
  'DELETE /v1/webhook-endpoints/{id}': 'deleteWebhookEndpoint',
  'POST /v1/webhook-endpoints/{id}/rotate-secret': 'rotateWebhookSecret',
  'POST /v1/webhook-endpoints/{id}/test': 'testWebhookEndpoint',
  'GET /v1/webhook-endpoints/{id}/deliveries': 'getWebhookEndpointDeliveries',
  'GET /v1/webhook-deliveries/{id}': 'getWebhookDelivery',
  'POST /v1/webhook-deliveries/{id}/redeliver': 'redeliverWebhookDelivery',
  'POST /v1/audiences': 'createAudience',
  'GET /v1/audiences': 'listAudiences',
  'GET /v1/audiences/{id}': 'getAudience',
  'PATCH /v1/audiences/{id}': 'updateAudience',
  'DELETE /v1/audiences/{id}': 'deleteAudience',
  'POST /v1/audiences/{id}/import': 'importSubscribers',
  'GET /v1/audiences/{id}/imports/{importId}': 'getImport',
  'POST /v1/audiences/{id}/subscribers': 'addSubscriber',
  'GET /v1/audiences/{id}/subscribers': 'listSubscribers',
  'GET /v1/audiences/{id}/subscribers/{subscriberId}': 'getSubscriber',
  'PATCH /v1/audiences/{id}/subscribers/{subscriberId}': 'updateSubscriber',
  'DELETE /v1/audiences/{id}/subscribers/{subscriberId}': 'deleteSubscriber',
  'POST /v1/audiences/{id}/subscribers/{subscriberId}/confirm': 'confirmSubscriber',
  'POST /v1/broadcasts': 'createBroadcast',
  'GET /v1/broadcasts': 'listBroadcasts',
  'GET /v1/broadcasts/{id}': 'getBroadcast',
  'POST /v1/broadcasts/{id}/pause': 'pauseBroadcast',
  'POST /v1/broadcasts/{id}/resume': 'resumeBroadcast',
  'POST /v1/broadcasts/{id}/cancel': 'cancelBroadcast',
  'POST /v1/broadcasts/{id}/test': 'testBroadcast',
  'POST /v1/verifications': 'createVerification',
  'POST /v1/verifications/{id}/check': 'checkVerification',
  'POST /v1/verifications/{id}/resend': 'resendVerification',
  'GET /v1/verifications/{id}': 'getVerification',
};

describe('the OpenAPI document', () => {
  let otpost: Otpost;
  let text: string;
  let document: OpenApi;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', APP_URL: 'https://otpost.example.org' });
    document = (await otpost.api.get<OpenApi>('/docs/json')).body;
    text = JSON.stringify(document);
  });
  afterAll(() => otpost.stop());

  const operations = (): [call: string, operation: Operation][] =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Operation] => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    );

  it('passes the recommended rules of Redocly', async () => {
    const config = await createConfig({ extends: ['recommended'] });
    const found = await lintFromString({ source: text, absoluteRef: 'openapi.json', config });
    const left = found
      .map(({ ruleId, severity, message, location }) => ({
        ...{ ruleId, severity, message },
        place: location[0]?.pointer ?? '',
      }))
      .filter(({ ruleId, place, message }) => !EXCEPTIONS[ruleId]?.(place, message));
    expect(left).toEqual([]);
    expect(new Set(found.map(({ ruleId }) => ruleId))).toEqual(new Set(Object.keys(EXCEPTIONS))); // none is there in vain
  });

  it('names operations for people, each by a name of its own that stays', () => {
    const ids = operations().map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z]+([A-Z][a-z]+)*$/.test(id))).toEqual([]);
    expect(Object.fromEntries(operations().map(([call, { operationId }]) => [call, operationId]))).toMatchObject(IDS);
  });

  it('says of each operation what it answers when all goes well, and what it refuses', () => {
    for (const [call, { responses }] of operations()) {
      const statuses = Object.keys(responses);
      expect([call, statuses.some((status) => /^2/.test(status))]).toEqual([call, true]);
      expect([call, statuses.filter((status) => /^4/.test(status)).length]).not.toEqual([call, 0]);
      expect([call, responses['default']]).toEqual([call, { $ref: '#/components/responses/AnyCall' }]);
    }
  });

  it('asks for nothing but problem documents where it refuses', () => {
    for (const { content } of Object.values(document.components.responses))
      expect(Object.keys(content)).toEqual(['application/problem+json']);
    expect(text).not.toContain('x-problems');
  });
});
