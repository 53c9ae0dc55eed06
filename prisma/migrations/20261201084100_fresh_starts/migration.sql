-- AlterTable
ALTER TABLE "webhook_endpoints" ADD COLUMN     "fresh_starts" INTEGER NOT NULL DEFAULT 0;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201084100_fresh_starts', '0.1.0');
