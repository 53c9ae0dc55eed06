-- In a migration of its own: while these are made, messages can be read, and those that change wait for a moment.
-- Found by what they are parts of, and by what few messages are. None of them holds what was simply sent.
CREATE INDEX "outbound_emails_splits" ON "outbound_emails"("split_from") WHERE "split_from" IS NOT NULL;
CREATE INDEX "outbound_emails_contents" ON "outbound_emails"("content_id") WHERE "content_id" IS NOT NULL;
CREATE INDEX "outbound_emails_by_status" ON "outbound_emails"("status", "id")
    WHERE "status" IN ('scheduled', 'deferred', 'failed', 'unknown', 'bounced', 'complained', 'suppressed', 'cancelled', 'expired');
CREATE INDEX "outbound_emails_by_error" ON "outbound_emails"("last_error_code", "id")
    WHERE "last_error_code" IS NOT NULL;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129044430_mail_api_indexes', '0.1.0');
