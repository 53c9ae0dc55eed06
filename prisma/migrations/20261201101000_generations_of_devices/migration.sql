-- AlterTable
ALTER TABLE "accounts" ADD COLUMN     "device_generation" INTEGER NOT NULL DEFAULT 0;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201101000_generations_of_devices', '0.1.0');
