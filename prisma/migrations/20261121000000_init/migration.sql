-- CreateEnum
CREATE TYPE "lane" AS ENUM ('critical', 'default', 'bulk');

-- CreateEnum
CREATE TYPE "email_status" AS ENUM ('scheduled', 'queued', 'sending', 'deferred', 'sent', 'delivered', 'bounced', 'complained', 'failed', 'unknown', 'cancelled', 'expired', 'suppressed');

-- CreateTable
CREATE TABLE "accounts" (
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "email_canonical" TEXT NOT NULL,
    "email_verified_at" TIMESTAMPTZ(3) NOT NULL,
    "name" TEXT,
    "locale" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "accounts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "pending_registrations" (
    "challenge_id" TEXT NOT NULL,
    "name" TEXT,
    "locale" TEXT,

    CONSTRAINT "pending_registrations_pkey" PRIMARY KEY ("challenge_id")
);

-- CreateTable
CREATE TABLE "sessions" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "user_agent" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "revoked_reason" TEXT,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "refresh_tokens" (
    "token_hash" BYTEA NOT NULL,
    "session_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "voided_at" TIMESTAMPTZ(3),
    "successor" BYTEA,

    CONSTRAINT "refresh_tokens_pkey" PRIMARY KEY ("token_hash")
);

-- CreateTable
CREATE TABLE "signing_keys" (
    "id" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "sealed_private" BYTEA NOT NULL,
    "seal_key_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "signing_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "otp_challenges" (
    "id" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "destination" TEXT NOT NULL,
    "destination_canonical" TEXT NOT NULL,
    "template" TEXT NOT NULL,
    "locale" TEXT NOT NULL,
    "reference" TEXT NOT NULL,
    "code_hash" BYTEA NOT NULL,
    "sealed_code" BYTEA,
    "seal_key_id" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "max_attempts" INTEGER NOT NULL,
    "resends" INTEGER NOT NULL DEFAULT 0,
    "resend_after" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "consumed_at" TIMESTAMPTZ(3),
    "voided_at" TIMESTAMPTZ(3),

    CONSTRAINT "otp_challenges_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "outbound_emails" (
    "id" UUID NOT NULL,
    "lane" "lane" NOT NULL,
    "status" "email_status" NOT NULL,
    "from_address" TEXT NOT NULL,
    "to_address" TEXT NOT NULL,
    "template" TEXT NOT NULL,
    "locale" TEXT NOT NULL,
    "sealed_variables" BYTEA,
    "seal_key_id" TEXT NOT NULL,
    "secret" BOOLEAN NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "max_attempts" INTEGER NOT NULL,
    "next_attempt_at" TIMESTAMPTZ(6) NOT NULL DEFAULT transaction_timestamp(),
    "scheduled_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "lease_token" UUID,
    "lease_until" TIMESTAMPTZ(3),
    "offered_at" TIMESTAMPTZ(3),
    "supersede_key" TEXT,
    "message_id" TEXT NOT NULL,
    "transport" TEXT,
    "provider_message_id" TEXT,
    "last_reply" TEXT,
    "last_error_code" TEXT,
    "request_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sent_at" TIMESTAMPTZ(3),

    CONSTRAINT "outbound_emails_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "email_events" (
    "id" BIGSERIAL NOT NULL,
    "email_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "status" "email_status" NOT NULL,
    "attempt" INTEGER NOT NULL,
    "transport" TEXT,
    "reply" TEXT,
    "error_code" TEXT,
    "worker" TEXT,

    CONSTRAINT "email_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "captured_messages" (
    "id" UUID NOT NULL,
    "email_id" UUID NOT NULL,
    "from_address" TEXT NOT NULL,
    "to_address" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "html" TEXT NOT NULL,
    "source" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "captured_messages_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "schema_compatibility" (
    "migration" TEXT NOT NULL,
    "oldest_version" TEXT NOT NULL,

    CONSTRAINT "schema_compatibility_pkey" PRIMARY KEY ("migration")
);

-- CreateTable
CREATE TABLE "deployment" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "deployment_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "accounts_email_canonical_key" ON "accounts"("email_canonical");

-- CreateIndex
CREATE INDEX "sessions_account_id_idx" ON "sessions"("account_id");

-- CreateIndex
CREATE INDEX "refresh_tokens_session_id_idx" ON "refresh_tokens"("session_id");

-- CreateIndex
CREATE INDEX "otp_challenges_destination_canonical_purpose_idx" ON "otp_challenges"("destination_canonical", "purpose");

-- CreateIndex
CREATE INDEX "otp_challenges_expires_at_idx" ON "otp_challenges"("expires_at");

-- CreateIndex
CREATE INDEX "outbound_emails_supersede_key_id_idx" ON "outbound_emails"("supersede_key", "id");

-- CreateIndex
CREATE INDEX "email_events_email_id_id_idx" ON "email_events"("email_id", "id");

-- CreateIndex
CREATE INDEX "captured_messages_created_at_id_idx" ON "captured_messages"("created_at", "id");

-- AddForeignKey
ALTER TABLE "pending_registrations" ADD CONSTRAINT "pending_registrations_challenge_id_fkey" FOREIGN KEY ("challenge_id") REFERENCES "otp_challenges"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "sessions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "email_events" ADD CONSTRAINT "email_events_email_id_fkey" FOREIGN KEY ("email_id") REFERENCES "outbound_emails"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- From here on written by hand: what Prisma's schema language cannot say. `npm run prisma -- migrate dev` leaves it alone.

-- The two lists a worker reads. Partial, so that their cost follows what waits and not what was ever sent.
CREATE INDEX "outbound_emails_due" ON "outbound_emails"("lane", "next_attempt_at", "id")
    WHERE "status" IN ('queued', 'scheduled', 'deferred');
CREATE INDEX "outbound_emails_leased" ON "outbound_emails"("lease_until")
    WHERE "status" = 'sending';

ALTER TABLE "otp_challenges"
    ADD CONSTRAINT "otp_challenges_attempts_check" CHECK ("attempts" BETWEEN 0 AND "max_attempts"),
    ADD CONSTRAINT "otp_challenges_resends_check" CHECK ("resends" >= 0);
ALTER TABLE "outbound_emails"
    -- Not capped by max_attempts: a retry by hand may go beyond.
    ADD CONSTRAINT "outbound_emails_attempts_check" CHECK ("attempts" >= 0 AND "max_attempts" > 0),
    -- A row in `sending` without a lease would never be taken back from a dead worker.
    ADD CONSTRAINT "outbound_emails_lease_check" CHECK ("status" <> 'sending' OR ("lease_token" IS NOT NULL AND "lease_until" IS NOT NULL));

-- This deployment's name, once and for all.
CREATE UNIQUE INDEX "deployment_one_row" ON "deployment"((TRUE));
INSERT INTO "deployment" DEFAULT VALUES;

INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261121000000_init', '0.1.0');
