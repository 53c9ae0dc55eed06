-- AlterTable
ALTER TABLE "otp_challenges" ADD COLUMN     "left_to_mailbox" BOOLEAN NOT NULL DEFAULT false;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201091000_links_left_to_mailboxes', '0.1.0');
