-- AlterTable
ALTER TABLE "outbound_emails" ADD COLUMN     "api_key_id" UUID,
ADD COLUMN     "possible_duplicate" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "reply_to" TEXT,
ADD COLUMN     "to_canonical" TEXT,
ALTER COLUMN "template" DROP NOT NULL;
UPDATE "outbound_emails" SET "to_canonical" = lower("to_address");
ALTER TABLE "outbound_emails" ALTER COLUMN "to_canonical" SET NOT NULL;

-- CreateTable
CREATE TABLE "api_keys" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "key_hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "suppressions" (
    "address_canonical" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "email_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "suppressions_pkey" PRIMARY KEY ("address_canonical")
);

-- CreateTable
CREATE TABLE "transport_states" (
    "name" TEXT NOT NULL,
    "paused_at" TIMESTAMPTZ(3),
    "pause_reason" TEXT,
    "backoff_until" TIMESTAMPTZ(3),
    "failures" INTEGER NOT NULL DEFAULT 0,
    "trial_until" TIMESTAMPTZ(3),
    "fingerprint" BYTEA,

    CONSTRAINT "transport_states_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "ledger" (
    "status" TEXT NOT NULL,
    "count" BIGINT NOT NULL,

    CONSTRAINT "ledger_pkey" PRIMARY KEY ("status")
);

-- CreateTable
CREATE TABLE "ledger_deltas" (
    "id" BIGSERIAL NOT NULL,
    "status" TEXT NOT NULL,
    "delta" INTEGER NOT NULL,

    CONSTRAINT "ledger_deltas_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workers" (
    "name" TEXT NOT NULL,
    "lanes" TEXT[],
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "heartbeat_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "workers_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "scheduled_tasks" (
    "name" TEXT NOT NULL,
    "next_run_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "leased_by" TEXT,
    "lease_until" TIMESTAMPTZ(3),
    "last_run_at" TIMESTAMPTZ(3),
    "last_took_ms" INTEGER,
    "last_result" TEXT,
    "last_error" TEXT,

    CONSTRAINT "scheduled_tasks_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "rate_buckets" (
    "transport" TEXT NOT NULL,
    "tokens" DOUBLE PRECISION NOT NULL,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "rate_buckets_pkey" PRIMARY KEY ("transport")
);

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_key_hash_key" ON "api_keys"("key_hash");

-- From here on written by hand.

-- The newest attempts, for health; and the challenges that verifying one of them ends.
CREATE INDEX "email_events_attempts" ON "email_events"("id") WHERE "transport" IS NOT NULL;
CREATE INDEX "otp_challenges_open" ON "otp_challenges"("destination_canonical", "purpose", "expires_at")
    WHERE "consumed_at" IS NULL AND "voided_at" IS NULL;

-- What the hourly erasure looks for: content that is still there, of messages that are done.
CREATE INDEX "outbound_emails_sealed" ON "outbound_emails"("created_at")
    WHERE "sealed_variables" IS NOT NULL AND "status" NOT IN ('queued', 'scheduled', 'deferred', 'sending');

-- What existed before the ledger.
INSERT INTO "ledger" ("status", "count") SELECT "status"::text, count(*) FROM "outbound_emails" GROUP BY 1;
INSERT INTO "ledger" ("status", "count") SELECT 'accepted', count(*) FROM "outbound_emails";

-- Every change of a row's state is counted by the statement that makes it, whatever statement that is. `accepted` is
-- not: accepting counts it by its own, so that a row that is lost or made twice shows.
CREATE FUNCTION "count_outbound_inserts"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_deltas (status, delta) SELECT status::text, count(*) FROM made GROUP BY status;
    RETURN NULL;
END $$;
CREATE FUNCTION "count_outbound_changes"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_deltas (status, delta)
    SELECT status, sum(delta) FROM (
        SELECT n.status::text, 1 AS delta FROM after n JOIN before o USING (id) WHERE n.status <> o.status
        UNION ALL
        SELECT o.status::text, -1 FROM after n JOIN before o USING (id) WHERE n.status <> o.status
    ) AS changes GROUP BY status HAVING sum(delta) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER "outbound_emails_inserts" AFTER INSERT ON "outbound_emails"
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION "count_outbound_inserts"();
CREATE TRIGGER "outbound_emails_changes" AFTER UPDATE ON "outbound_emails"
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION "count_outbound_changes"();

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261121070105_mail_engine', '0.1.0');
