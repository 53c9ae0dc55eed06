-- In a migration of its own: while it is made, messages can be read, and those that change wait for a moment. By the Message-ID,
-- where that is not our own id of the row: what its sender composed, and who was split off. A hash, for it may be very long.
CREATE INDEX "outbound_emails_foreign_message_ids" ON "outbound_emails" USING hash ("message_id")
    WHERE "message_id" NOT LIKE '<' || "id"::text || '@%';

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201110000_foreign_message_ids', '0.1.0');
