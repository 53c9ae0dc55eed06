ALTER TABLE "transport_states" ADD COLUMN "last_error_code" TEXT, ADD COLUMN "last_reply" TEXT;
ALTER TABLE "transport_hosts" ADD COLUMN "last_error_code" TEXT, ADD COLUMN "last_reply" TEXT;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261128201000_transport_words', '0.1.0');
