-- CreateEnum
CREATE TYPE "account_role" AS ENUM ('user', 'operator', 'admin');

-- AlterTable
ALTER TABLE "accounts" ADD COLUMN     "password_changed_at" TIMESTAMPTZ(3),
ADD COLUMN     "password_hash" TEXT,
ADD COLUMN     "role" "account_role" NOT NULL DEFAULT 'user';

-- AlterTable
ALTER TABLE "api_keys" ADD COLUMN     "expires_at" TIMESTAMPTZ(3),
ADD COLUMN     "replaced_by" UUID;

-- AlterTable
ALTER TABLE "otp_challenges" ADD COLUMN     "api_key_id" UUID,
ADD COLUMN     "decoy" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "disowned_at" TIMESTAMPTZ(3),
ADD COLUMN     "link_hash" BYTEA,
ADD COLUMN     "requester" TEXT;

-- AlterTable
ALTER TABLE "pending_registrations" ADD COLUMN     "password_hash" TEXT;

-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "authenticated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "cookie_hash" BYTEA,
ADD COLUMN     "ip" TEXT,
ADD COLUMN     "method" TEXT NOT NULL DEFAULT 'code';

-- AlterTable
ALTER TABLE "signing_keys" ADD COLUMN     "active_from" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- CreateTable
CREATE TABLE "pending_confirmations" (
    "challenge_id" TEXT NOT NULL,
    "account_id" UUID NOT NULL,
    "session_id" UUID NOT NULL,

    CONSTRAINT "pending_confirmations_pkey" PRIMARY KEY ("challenge_id")
);

-- CreateTable
CREATE TABLE "email_changes" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "old_email" TEXT NOT NULL,
    "old_canonical" TEXT NOT NULL,
    "new_email" TEXT NOT NULL,
    "undo_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "undone_at" TIMESTAMPTZ(3),

    CONSTRAINT "email_changes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "setup_tokens" (
    "token_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "setup_tokens_pkey" PRIMARY KEY ("token_hash")
);

-- CreateTable
CREATE TABLE "failure_budgets" (
    "destination" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "device" TEXT NOT NULL DEFAULT '',
    "failures" INTEGER NOT NULL DEFAULT 0,
    "blocked_until" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "failure_budgets_pkey" PRIMARY KEY ("destination","purpose","device")
);

-- CreateTable
CREATE TABLE "request_limits" (
    "key" TEXT NOT NULL,
    "count" INTEGER NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "request_limits_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "requested_destinations" (
    "key" TEXT NOT NULL,
    "destination" BYTEA NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "requested_destinations_pkey" PRIMARY KEY ("key","destination")
);

-- CreateTable
CREATE TABLE "audit_events" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "action" TEXT NOT NULL,
    "result" TEXT NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT,
    "target_kind" TEXT,
    "target_id" TEXT,
    "ip" TEXT,
    "user_agent" TEXT,
    "request_id" TEXT,
    "details" JSONB,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "pending_confirmations_account_id_idx" ON "pending_confirmations"("account_id");

-- CreateIndex
CREATE UNIQUE INDEX "email_changes_undo_hash_key" ON "email_changes"("undo_hash");

-- CreateIndex
CREATE INDEX "email_changes_account_id_idx" ON "email_changes"("account_id");

-- CreateIndex
CREATE INDEX "email_changes_expires_at_idx" ON "email_changes"("expires_at");

-- CreateIndex
CREATE INDEX "failure_budgets_updated_at_idx" ON "failure_budgets"("updated_at");

-- CreateIndex
CREATE INDEX "request_limits_ends_at_idx" ON "request_limits"("ends_at");

-- CreateIndex
CREATE INDEX "requested_destinations_ends_at_idx" ON "requested_destinations"("ends_at");

-- CreateIndex
CREATE INDEX "audit_events_at_idx" ON "audit_events"("at");

-- CreateIndex
CREATE INDEX "audit_events_actor_id_id_idx" ON "audit_events"("actor_id", "id");

-- CreateIndex
CREATE INDEX "audit_events_target_id_id_idx" ON "audit_events"("target_id", "id");

-- CreateIndex
CREATE INDEX "audit_events_action_id_idx" ON "audit_events"("action", "id");

-- CreateIndex
CREATE INDEX "accounts_created_at_id_idx" ON "accounts"("created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "otp_challenges_link_hash_key" ON "otp_challenges"("link_hash");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_cookie_hash_key" ON "sessions"("cookie_hash");

-- AddForeignKey
ALTER TABLE "pending_confirmations" ADD CONSTRAINT "pending_confirmations_challenge_id_fkey" FOREIGN KEY ("challenge_id") REFERENCES "otp_challenges"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pending_confirmations" ADD CONSTRAINT "pending_confirmations_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "email_changes" ADD CONSTRAINT "email_changes_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;




-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261121120000_accounts', '0.1.0');
