-- AlterTable
ALTER TABLE "setup_tokens" ADD COLUMN     "account_id" UUID;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261128172000_setup_answers', '0.1.0');
