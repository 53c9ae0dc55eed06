-- AlterEnum
ALTER TYPE "account_role" ADD VALUE 'viewer' BEFORE 'operator';

-- AlterTable
ALTER TABLE "workers" ADD COLUMN     "ahead_ms" INTEGER,
ADD COLUMN     "version" TEXT;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129200000_viewers', '0.1.0');
