-- Since when a message has been tried: what is kept for so many hours or days is kept from then on, however long it waited before.
ALTER TABLE "outbound_emails" ADD COLUMN "tried_since" TIMESTAMPTZ(3);

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201060000_mail_that_waited', '0.1.0');
