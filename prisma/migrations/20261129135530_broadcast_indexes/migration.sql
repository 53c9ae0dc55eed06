-- In a migration of its own: while it is made, messages can be read, and those that change wait for a moment. By state, so that the
-- progress of a broadcast is counted, and what is left of it found, without its rows.
CREATE INDEX "outbound_emails_broadcasts" ON "outbound_emails"("broadcast_id", "status", "id") WHERE "broadcast_id" IS NOT NULL;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129135530_broadcast_indexes', '0.1.0');
