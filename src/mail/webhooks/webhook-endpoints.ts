import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import { uuidv7 } from '../../core/ids.js';
import { Keyring, UnsealError } from '../../core/keyring.js';
import { Logger } from '../../core/logger.js';
import type { PageBounds } from '../../core/page.js';
import { PrismaService, type UnitOfWork } from '../../database/prisma.service.js';
import { sealContext } from '../../database/resealing.js';
import { untilAnswered } from '../../database/waiting.js';
import type { WebhookEndpoint } from '../../generated/prisma/client.js';
import { EmailStatus, type WebhookFormat } from '../../generated/prisma/enums.js';
import { newSecret, SEALED_SECRETS } from './payload.js';
import { isToldToResend } from './resend-form-policy.js';
import { DOWN_AFTER } from './retry-policy.js';

/** What a message may become that others want to know of; being tried is not. */
type ToldStatus = Exclude<EmailStatus, 'sending'>;
export type EmailEventType = `email.${ToldStatus}`;

/** One for each change of a message's state. The trigger on `email_events` makes the same names. */
export const EMAIL_EVENT_TYPES = Object.values(EmailStatus)
  .filter((status): status is ToldStatus => status !== 'sending')
  .map((status): EmailEventType => `email.${status}`);

/** Types that an endpoint is told of in a form. Empty: all, those that are yet to come too. */
export function eventsOf(
  format: WebhookFormat,
  asked: readonly EmailEventType[],
): { events: EmailEventType[] } | { untold: EmailEventType[] } {
  if (format === 'otpost') return { events: [...asked] };
  const untold = asked.filter((type) => !TOLD_TO_RESEND.includes(type));
  return untold.length > 0 ? { untold } : { events: asked.length > 0 ? [...asked] : [...TOLD_TO_RESEND] };
}

const TOLD_TO_RESEND = EMAIL_EVENT_TYPES.filter((type) => isToldToResend(type.slice('email.'.length) as EmailStatus));

/** Sent on demand, whatever events an endpoint wants. */
const TEST_EVENT_TYPE = 'webhook.test';

/** Hours for which the former secret signs too. */
const ROTATION_HOURS = 24;
/** Deliveries removed by one statement. */
const REMOVE_LIMIT = 1_000;

const HIDDEN = {
  ...{ sealedSecret: true, sealKeyId: true, sealedPreviousSecret: true, previousSealKeyId: true },
  freshStarts: true,
} as const;

/** Without its secrets, and what only attempts ask for. */
export type EndpointRecord = Omit<WebhookEndpoint, keyof typeof HIDDEN>;

interface EndpointDraft {
  /** As the URL standard writes it; checked. */
  url: string;
  /** Empty: all. */
  events: string[];
  format: WebhookFormat;
  description: string | null;
}

type EndpointChange = Partial<Omit<EndpointDraft, 'format'>> & { disabled?: boolean | undefined };

/** Endpoints that are told nothing though nobody wanted it so. */
export interface WebhookTroubles {
  /** Given up, because they took nothing for days or said that they are gone. */
  disabled: number;
  disabledSince: Date | null;
  /** Down, and tried now and then. */
  failing: number;
  failingSince: Date | null;
}

export async function webhookTroubles(prisma: PrismaService): Promise<WebhookTroubles> {
  const [found] = await prisma.statements.query<WebhookTroubles[]>`
    SELECT count(*) FILTER (WHERE disabled_at IS NOT NULL)::int AS disabled, min(disabled_at) AS "disabledSince",
      count(*) FILTER (WHERE disabled_at IS NULL)::int AS failing,
      min(failing_since) FILTER (WHERE disabled_at IS NULL) AS "failingSince"
    FROM webhook_endpoints
    WHERE disabled_at IS NOT NULL AND disabled_reason <> 'operator' OR disabled_at IS NULL AND failures >= ${DOWN_AFTER}`;
  return found!;
}

/** The register of endpoints. Secrets leave it once, when they are made. */
@Injectable()
export class WebhookEndpoints implements OnModuleInit {
  constructor(
    private readonly prisma: PrismaService,
    private readonly keyring: Keyring,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** What a former APP_SECRET sealed is sealed with the present one, so that the former can be forgotten. */
  onModuleInit(): Promise<void> {
    return untilAnswered(this.log, () => this.resealAll());
  }

  private async resealAll(): Promise<void> {
    const { currentId } = this.keyring;
    const stale = await this.prisma.statements.query<{ id: string }[]>`
      SELECT id FROM webhook_endpoints WHERE seal_key_id <> ${currentId} OR previous_seal_key_id <> ${currentId} ORDER BY id`;
    for (const { id } of stale) {
      const endpoint = await this.prisma.webhookEndpoint.findUnique({ where: { id } });
      if (endpoint) await this.reseal(endpoint);
    }
  }

  async create(
    { url, events, format, description }: EndpointDraft,
    { db }: UnitOfWork,
  ): Promise<{ secret: string; record: EndpointRecord }> {
    const id = uuidv7(this.clock.now());
    const secret = newSecret();
    const sealed = this.keyring.seal(secret, sealContext(SEALED_SECRETS, id));
    const record = await db.webhookEndpoint.create({
      data: { id, url, events, format, description, sealedSecret: sealed.bytes, sealKeyId: sealed.keyId },
      omit: HIDDEN,
    });
    return { secret, record };
  }

  /** Oldest first. */
  async list({ limit, after }: PageBounds): Promise<EndpointRecord[]> {
    const where = after === undefined ? {} : { id: { gt: after } };
    return this.prisma.webhookEndpoint.findMany({ where, orderBy: { id: 'asc' }, take: limit + 1, omit: HIDDEN });
  }

  async find(id: string): Promise<EndpointRecord | undefined> {
    return (await this.prisma.webhookEndpoint.findUnique({ where: { id }, omit: HIDDEN })) ?? undefined;
  }

  /**
   * Another address, or enabling it, is a fresh start: what was held against the endpoint is forgotten, and so is what
   * becomes of attempts that are under way.
   */
  async change(
    id: string,
    { url, events, description, disabled }: EndpointChange,
    { db }: UnitOfWork,
  ): Promise<EndpointRecord | undefined> {
    const fresh = { failures: 0, failingSince: null, backoffUntil: null, freshStarts: { increment: 1 } };
    const [changed] = await db.webhookEndpoint.updateManyAndReturn({
      where: { id },
      data: {
        ...(url === undefined ? {} : { url, ...fresh }),
        ...(events === undefined ? {} : { events }),
        ...(description === undefined ? {} : { description }),
        ...(disabled === false ? { disabledAt: null, disabledReason: null, ...fresh } : {}),
      },
      omit: HIDDEN,
    });
    if (!changed || !disabled) return changed;
    await this.disableByHand(id, db);
    return (await db.webhookEndpoint.findUnique({ where: { id }, omit: HIDDEN })) ?? undefined;
  }

  /**
   * What goes before {@link remove}: it is disabled, and its deliveries are removed with their log, in steps, so that
   * the messages of which it is told never wait for a long statement.
   */
  async empty(id: string): Promise<void> {
    await this.disableByHand(id, this.prisma);
    let removed = 0;
    do {
      removed = await this.prisma.statements.execute`
        DELETE FROM webhook_deliveries WHERE id IN (
          SELECT id FROM webhook_deliveries WHERE endpoint_id = ${id}::uuid LIMIT ${REMOVE_LIMIT} FOR UPDATE SKIP LOCKED)`;
    } while (removed > 0);
    // Those that somebody held: their turn comes in the order of ids, as everybody's does who waits for several.
    await this.prisma.statements.execute`
      WITH held AS (SELECT id FROM webhook_deliveries WHERE endpoint_id = ${id}::uuid ORDER BY id FOR UPDATE)
      DELETE FROM webhook_deliveries d USING held WHERE d.id = held.id`;
  }

  /** Of one that is empty. False: there was none. */
  async remove(id: string, { db }: UnitOfWork): Promise<boolean> {
    return (await db.webhookEndpoint.deleteMany({ where: { id } })).count === 1;
  }

  /** The new secret, or undefined. The one before signs too for a day; one that was before that no more. */
  async rotateSecret(
    id: string,
    { db }: UnitOfWork,
  ): Promise<{ secret: string; previousSecretUntil: Date } | undefined> {
    const secret = newSecret();
    const sealed = this.keyring.seal(secret, sealContext(SEALED_SECRETS, id));
    const [rotated] = await db.$queryRaw<{ previousSecretUntil: Date }[]>`
      UPDATE webhook_endpoints SET
        sealed_previous_secret = sealed_secret, previous_seal_key_id = seal_key_id,
        previous_secret_until = now() + make_interval(hours => ${ROTATION_HOURS}::int),
        sealed_secret = ${sealed.bytes}, seal_key_id = ${sealed.keyId}
      WHERE id = ${id}::uuid
      RETURNING previous_secret_until AS "previousSecretUntil"`;
    return rotated && { secret, previousSecretUntil: rotated.previousSecretUntil };
  }

  /**
   * Queues a `webhook.test`, which goes out at once, whatever events the endpoint wants. Undefined: none, or disabled.
   */
  async sendTest(id: string): Promise<string | undefined> {
    await this.tryNow(id);
    const payload = JSON.stringify({ endpointId: id, message: 'This is a test: it tells of no message.' });
    const [queued] = await this.prisma.statements.query<{ id: string }[]>`
      INSERT INTO webhook_deliveries (endpoint_id, type, payload)
      SELECT id, ${TEST_EVENT_TYPE}, ${payload}::jsonb FROM webhook_endpoints
      WHERE id = ${id}::uuid AND disabled_at IS NULL FOR KEY SHARE
      RETURNING id`;
    return queued?.id;
  }

  /** An endpoint that is down is tried without waiting: somebody has mended it. */
  async tryNow(id: string): Promise<void> {
    await this.prisma.webhookEndpoint.updateMany({
      where: { id, backoffUntil: { not: null } },
      data: { backoffUntil: null },
    });
  }

  /** Nothing more is queued for it; what waits goes on waiting. */
  private async disableByHand(id: string, db: Pick<UnitOfWork['db'], 'webhookEndpoint'>): Promise<void> {
    await db.webhookEndpoint.updateMany({
      where: { id, disabledAt: null },
      data: { disabledAt: this.clock.now(), disabledReason: 'operator' },
    });
  }

  private async reseal(endpoint: WebhookEndpoint): Promise<void> {
    const { id, sealedSecret, sealKeyId, sealedPreviousSecret, previousSealKeyId } = endpoint;
    const again = (bytes: Uint8Array, keyId: string) =>
      this.keyring.seal(
        this.keyring.open({ keyId, bytes }, sealContext(SEALED_SECRETS, id)),
        sealContext(SEALED_SECRETS, id),
      );
    try {
      const current = again(sealedSecret, sealKeyId);
      const previous =
        sealedPreviousSecret && previousSealKeyId ? again(sealedPreviousSecret, previousSealKeyId) : undefined;
      await this.prisma.webhookEndpoint.updateMany({
        where: { id, sealedSecret },
        data: {
          sealedSecret: current.bytes,
          sealKeyId: current.keyId,
          ...(previous ? { sealedPreviousSecret: previous.bytes, previousSealKeyId: previous.keyId } : {}),
        },
      });
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      this.log.error(
        { endpointId: id },
        'the secret of a webhook endpoint opens neither with APP_SECRET nor with APP_SECRET_PREVIOUS: its webhooks wait; ' +
          'give it a new one with POST /v1/webhook-endpoints/:id/rotate-secret',
      );
    }
  }
}
