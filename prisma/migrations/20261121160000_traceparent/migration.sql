-- AlterTable
ALTER TABLE "outbound_emails" ADD COLUMN     "traceparent" TEXT;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261121160000_traceparent', '0.1.0');
