-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "challenge_id" TEXT;

-- What a repeated answer to a challenge looks for.
CREATE INDEX "sessions_challenge" ON "sessions"("challenge_id") WHERE "challenge_id" IS NOT NULL;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261128163000_sessions_of_challenges', '0.1.0');
