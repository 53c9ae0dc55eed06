-- CreateIndex
CREATE INDEX "refresh_tokens_expires_at_idx" ON "refresh_tokens"("expires_at");

-- What ended is found without the sessions that go on.
CREATE INDEX "sessions_ending" ON "sessions"(least("expires_at", "revoked_at"));

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201100000_ended_sessions', '0.1.0');
