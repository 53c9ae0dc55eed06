-- Since when a message has been tried: what is kept for so many hours or days is kept from then on, however long it waited before.
ALTER TABLE "outbound_emails" ADD COLUMN "tried_since" TIMESTAMPTZ(3);

-- What the hourly tasks look for, which read the whole table without them: messages that expired before anybody claimed them,
-- codes that are over and still have their content, and contents of codes.
CREATE INDEX "outbound_emails_expiring" ON "outbound_emails"("expires_at")
    WHERE "status" IN ('queued', 'scheduled', 'deferred') AND "expires_at" IS NOT NULL;
CREATE INDEX "outbound_emails_dead_codes" ON "outbound_emails"("expires_at")
    WHERE "secret" AND "sealed_variables" IS NOT NULL AND "status" NOT IN ('queued', 'scheduled', 'deferred', 'sending');
CREATE INDEX "email_contents_secret" ON "email_contents"("created_at") WHERE "secret";

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201060000_mail_that_waited', '0.1.0');
