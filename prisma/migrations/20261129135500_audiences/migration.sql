-- CreateEnum
CREATE TYPE "subscriber_status" AS ENUM ('active', 'pending', 'unsubscribed', 'bounced', 'complained');

-- AlterTable
ALTER TABLE "outbound_emails" ADD COLUMN     "broadcast_id" UUID,
ADD COLUMN     "subscriber_id" UUID;

-- CreateTable
CREATE TABLE "audiences" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "audiences_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "subscribers" (
    "id" UUID NOT NULL,
    "audience_id" UUID NOT NULL,
    "address" TEXT NOT NULL,
    "address_canonical" TEXT NOT NULL,
    "status" "subscriber_status" NOT NULL DEFAULT 'active',
    "attributes" JSONB NOT NULL DEFAULT '{}',
    "locale" TEXT,
    "sent_count" INTEGER NOT NULL DEFAULT 0,
    "last_sent_at" TIMESTAMPTZ(3),
    "status_changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "status_email_id" UUID,
    "import_id" UUID,
    "challenge_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "subscribers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "subscriber_imports" (
    "id" UUID NOT NULL,
    "audience_id" UUID NOT NULL,
    "file_id" UUID NOT NULL,
    "format" TEXT NOT NULL,
    "size" INTEGER NOT NULL,
    "position" INTEGER NOT NULL DEFAULT 0,
    "line" INTEGER NOT NULL DEFAULT 0,
    "header" JSONB,
    "created" INTEGER NOT NULL DEFAULT 0,
    "updated" INTEGER NOT NULL DEFAULT 0,
    "duplicates" INTEGER NOT NULL DEFAULT 0,
    "kept" INTEGER NOT NULL DEFAULT 0,
    "bad" INTEGER NOT NULL DEFAULT 0,
    "bad_by_code" JSONB NOT NULL DEFAULT '{}',
    "error_code" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "subscriber_imports_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "subscriber_import_faults" (
    "import_id" UUID NOT NULL,
    "line" INTEGER NOT NULL,
    "code" TEXT NOT NULL,
    "message" TEXT NOT NULL,

    CONSTRAINT "subscriber_import_faults_pkey" PRIMARY KEY ("import_id","line")
);

-- CreateTable
CREATE TABLE "broadcasts" (
    "id" UUID NOT NULL,
    "audience_id" UUID NOT NULL,
    "content_id" UUID NOT NULL,
    "template" TEXT,
    "subject" TEXT NOT NULL,
    "from_address" TEXT NOT NULL,
    "locale" TEXT NOT NULL,
    "filter" JSONB NOT NULL DEFAULT '{}',
    "rate" TEXT,
    "tokens" DOUBLE PRECISION NOT NULL DEFAULT 1,
    "tokens_at" TIMESTAMPTZ(6) NOT NULL DEFAULT transaction_timestamp(),
    "max_attempts" INTEGER NOT NULL,
    "tags" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "metadata" JSONB,
    "api_key_id" UUID,
    "request_id" TEXT,
    "scheduled_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "total" INTEGER,
    "last_id" UUID,
    "cursor" UUID,
    "expanded" INTEGER NOT NULL DEFAULT 0,
    "expanded_at" TIMESTAMPTZ(3),
    "paused_at" TIMESTAMPTZ(3),
    "holding" BOOLEAN NOT NULL DEFAULT false,
    "resumed_at" TIMESTAMPTZ(3),
    "cancelled_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "broadcasts_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "subscribers_audience_id_id_idx" ON "subscribers"("audience_id", "id");

-- CreateIndex
CREATE INDEX "subscribers_address_canonical_idx" ON "subscribers"("address_canonical");

-- CreateIndex
CREATE UNIQUE INDEX "subscribers_audience_id_address_canonical_key" ON "subscribers"("audience_id", "address_canonical");

-- CreateIndex
CREATE INDEX "subscriber_imports_audience_id_idx" ON "subscriber_imports"("audience_id");

-- CreateIndex
CREATE INDEX "broadcasts_audience_id_idx" ON "broadcasts"("audience_id");

-- CreateIndex
CREATE INDEX "broadcasts_content_id_idx" ON "broadcasts"("content_id");

-- AddForeignKey
ALTER TABLE "subscribers" ADD CONSTRAINT "subscribers_audience_id_fkey" FOREIGN KEY ("audience_id") REFERENCES "audiences"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "subscriber_imports" ADD CONSTRAINT "subscriber_imports_audience_id_fkey" FOREIGN KEY ("audience_id") REFERENCES "audiences"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "subscriber_import_faults" ADD CONSTRAINT "subscriber_import_faults_import_id_fkey" FOREIGN KEY ("import_id") REFERENCES "subscriber_imports"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- From here on written by hand.

-- Counters change in place, beside the row.
ALTER TABLE "subscribers" SET (fillfactor = 90);
CREATE UNIQUE INDEX "subscribers_challenge" ON "subscribers"("challenge_id") WHERE "challenge_id" IS NOT NULL;
CREATE INDEX "subscriber_imports_open" ON "subscriber_imports"("id") WHERE "finished_at" IS NULL;
CREATE INDEX "broadcasts_open" ON "broadcasts"("id") WHERE "finished_at" IS NULL;

-- Whoever leaves all newsletters, bounces or complains does so in every audience, whichever way it was heard. For each row, so that
-- statements that find none to write, as most outcomes do, pay nothing.
CREATE FUNCTION "leave_audiences"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH there AS (
        SELECT id FROM subscribers WHERE address_canonical = NEW.address_canonical AND status IN ('active', 'pending')
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE subscribers s SET status_email_id = NEW.email_id, status_changed_at = now(), challenge_id = NULL, status = CASE NEW.reason
        WHEN 'hard_bounce' THEN 'bounced' WHEN 'complaint' THEN 'complained' ELSE 'unsubscribed' END::subscriber_status
    FROM there WHERE s.id = there.id;
    RETURN NULL;
END $$;

CREATE TRIGGER "suppressions_leave_audiences" AFTER INSERT OR UPDATE OF "reason" ON "suppressions"
    FOR EACH ROW WHEN (NEW."reason" IN ('unsubscribe', 'hard_bounce', 'complaint')) EXECUTE FUNCTION "leave_audiences"();

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129135500_audiences', '0.1.0');
