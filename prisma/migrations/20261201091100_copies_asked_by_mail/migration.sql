-- AlterTable
ALTER TABLE "otp_challenges" ADD COLUMN     "asked_by_mail" BOOLEAN NOT NULL DEFAULT false;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201091100_copies_asked_by_mail', '0.1.0');
