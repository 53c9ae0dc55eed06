-- In a migration of its own: Postgres lets nothing name a value in the transaction that adds it.
-- AlterEnum
ALTER TYPE "lane" ADD VALUE 'sms';

-- The oldest version of Otpost that works on this schema. Those before claim by lanes that they know, and leave this one alone.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129190000_sms_lane', '0.1.0');
