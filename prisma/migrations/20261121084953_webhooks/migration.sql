-- CreateTable
CREATE TABLE "webhook_endpoints" (
    "id" UUID NOT NULL,
    "url" TEXT NOT NULL,
    "description" TEXT,
    "events" TEXT[],
    "sealed_secret" BYTEA NOT NULL,
    "seal_key_id" TEXT NOT NULL,
    "sealed_previous_secret" BYTEA,
    "previous_seal_key_id" TEXT,
    "previous_secret_until" TIMESTAMPTZ(3),
    "disabled_at" TIMESTAMPTZ(3),
    "disabled_reason" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "failing_since" TIMESTAMPTZ(3),
    "backoff_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_endpoints_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_deliveries" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "endpoint_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "email_event_id" BIGINT,
    "payload" JSONB,
    "status" TEXT NOT NULL DEFAULT 'queued',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(6) NOT NULL DEFAULT transaction_timestamp(),
    "lease_token" UUID,
    "lease_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "delivered_at" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_deliveries_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_attempts" (
    "id" BIGSERIAL NOT NULL,
    "delivery_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempt" INTEGER NOT NULL,
    "status_code" INTEGER,
    "error_code" TEXT,
    "response" TEXT,
    "took_ms" INTEGER NOT NULL,
    "worker" TEXT,

    CONSTRAINT "webhook_attempts_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "webhook_deliveries_endpoint_id_created_at_id_idx" ON "webhook_deliveries"("endpoint_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "webhook_attempts_delivery_id_id_idx" ON "webhook_attempts"("delivery_id", "id");

-- AddForeignKey
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_endpoint_id_fkey" FOREIGN KEY ("endpoint_id") REFERENCES "webhook_endpoints"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_attempts" ADD CONSTRAINT "webhook_attempts_delivery_id_fkey" FOREIGN KEY ("delivery_id") REFERENCES "webhook_deliveries"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- From here on written by hand.

-- What a claim and the rescue look at; neither grows with what has been delivered.
CREATE INDEX "webhook_deliveries_due" ON "webhook_deliveries"("endpoint_id", "next_attempt_at", "id")
    WHERE "status" IN ('queued', 'deferred');
CREATE INDEX "webhook_deliveries_sending" ON "webhook_deliveries"("endpoint_id", "lease_until")
    WHERE "status" = 'sending';

-- Every change of a message's state is told to the endpoints that want it, by the statement that makes the change,
-- whatever statement that is. Not told: `sending`; what a worker gives back, which for those outside is no change; and
-- rows of the timeline that repeat the state, such as a provider's word that it is still trying.
-- The lock is the one that the foreign key takes anyway: an endpoint deleted at this moment is passed over and fails nothing.
CREATE FUNCTION "enqueue_webhooks"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM webhook_endpoints WHERE disabled_at IS NULL) THEN
        INSERT INTO webhook_deliveries (endpoint_id, type, email_event_id)
        SELECT e.id, 'email.' || n.status, n.id
        FROM noted n JOIN webhook_endpoints e
            ON e.disabled_at IS NULL AND (cardinality(e.events) = 0 OR 'email.' || n.status = ANY (e.events))
        WHERE n.status <> 'sending' AND NOT (n.status = 'queued' AND n.worker IS NOT NULL)
            AND n.status IS DISTINCT FROM (
                SELECT p.status FROM email_events p WHERE p.email_id = n.email_id AND p.id < n.id ORDER BY p.id DESC LIMIT 1)
        FOR KEY SHARE OF e;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER "email_events_webhooks" AFTER INSERT ON "email_events"
    REFERENCING NEW TABLE AS noted FOR EACH STATEMENT EXECUTE FUNCTION "enqueue_webhooks"();

-- What an operator looks for among an endpoint's many.
CREATE INDEX "webhook_deliveries_failed" ON "webhook_deliveries"("endpoint_id", "created_at", "id") WHERE "status" = 'failed';

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261121084953_webhooks', '0.1.0');
