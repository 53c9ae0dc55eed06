-- In a migration of its own: while these are made, messages can be read, and those that change wait for a moment. Beside the new
-- column nothing could be read either, for a column is added under a lock of everything. Builds of one day made them there.
-- What the hourly tasks look for, which read the whole table without them: messages that expired before anybody claimed them,
-- codes that are over and still have their content, and contents of codes.
CREATE INDEX IF NOT EXISTS "outbound_emails_expiring" ON "outbound_emails"("expires_at")
    WHERE "status" IN ('queued', 'scheduled', 'deferred') AND "expires_at" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "outbound_emails_dead_codes" ON "outbound_emails"("expires_at")
    WHERE "secret" AND "sealed_variables" IS NOT NULL AND "status" NOT IN ('queued', 'scheduled', 'deferred', 'sending');
CREATE INDEX IF NOT EXISTS "email_contents_secret" ON "email_contents"("created_at") WHERE "secret";

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201100100_mail_that_waited_indexes', '0.1.0');
