/*
  Warnings:

  - The primary key for the `suppressions` table will be changed. If it partially fails, the table could be left without primary key constraint.

*/
-- AlterTable
ALTER TABLE "outbound_emails" ADD COLUMN     "avoid_transport" TEXT;

-- AlterTable
ALTER TABLE "suppressions" DROP CONSTRAINT "suppressions_pkey",
ADD COLUMN     "scope" TEXT NOT NULL DEFAULT 'all',
ADD CONSTRAINT "suppressions_pkey" PRIMARY KEY ("address_canonical", "scope");

-- CreateTable
CREATE TABLE "transport_usage" (
    "name" TEXT NOT NULL,
    "day" DATE NOT NULL,
    "sent" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "transport_usage_pkey" PRIMARY KEY ("name","day")
);

-- CreateTable
CREATE TABLE "provider_events" (
    "id" BIGSERIAL NOT NULL,
    "provider" TEXT NOT NULL,
    "dedupe_key" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "provider_message_id" TEXT,
    "message_id" TEXT,
    "recipient_canonical" TEXT,
    "reason" TEXT,
    "detail" TEXT,
    "email_id" UUID,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "matched_at" TIMESTAMPTZ(3),

    CONSTRAINT "provider_events_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "provider_events_received_at_idx" ON "provider_events"("received_at");

-- CreateIndex
CREATE UNIQUE INDEX "provider_events_provider_dedupe_key_key" ON "provider_events"("provider", "dedupe_key");

-- From here on written by hand.

-- By the provider's id, where an event carries none of ours; and the events that wait for their message, or have none.
CREATE INDEX "outbound_emails_provider_message" ON "outbound_emails"("provider_message_id") WHERE "provider_message_id" IS NOT NULL;
CREATE INDEX "provider_events_unmatched" ON "provider_events"("received_at") WHERE "matched_at" IS NULL OR "email_id" IS NULL;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261121084942_provider_events', '0.1.0');
