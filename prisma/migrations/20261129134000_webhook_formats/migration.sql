-- CreateEnum
CREATE TYPE "webhook_format" AS ENUM ('otpost', 'resend');

-- AlterTable
ALTER TABLE "webhook_endpoints" ADD COLUMN     "format" "webhook_format" NOT NULL DEFAULT 'otpost';

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129134000_webhook_formats', '0.1.0');
