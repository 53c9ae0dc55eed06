-- AlterTable
ALTER TABLE "suppressions" ADD COLUMN     "expires_at" TIMESTAMPTZ(3),
ADD COLUMN     "id" BIGSERIAL NOT NULL,
ADD COLUMN     "note" TEXT,
ADD COLUMN     "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "tried_at" TIMESTAMPTZ(3),
ADD COLUMN     "tried_email_id" UUID;

-- CreateIndex
CREATE UNIQUE INDEX "suppressions_id_key" ON "suppressions"("id");

-- CreateIndex
CREATE INDEX "suppressions_reason_id_idx" ON "suppressions"("reason", "id");

-- From here on written by hand.

-- What the daily maintenance removes.
CREATE INDEX "suppressions_ending" ON "suppressions"("expires_at") WHERE "expires_at" IS NOT NULL;

-- What bounced counts for 90 days of 24 hours, whatever the clocks of the session's zone do meanwhile, from when it bounced.
UPDATE "suppressions" SET "seen_at" = "created_at",
    "expires_at" = CASE "reason" WHEN 'hard_bounce' THEN "created_at" + interval '2160 hours' END;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261128200000_suppressions_expire', '0.1.0');
