-- AlterTable
ALTER TABLE "otp_challenges" ADD COLUMN     "repeats" INTEGER NOT NULL DEFAULT 0;

-- Wrong codes for all that signs in to one address are counted together: what was counted apart goes on in the common
-- budget. A build before this one goes on to count apart.
INSERT INTO "failure_budgets" ("destination", "purpose", "device", "failures", "blocked_until", "updated_at")
SELECT "destination", 'sign_in', "device", max("failures"), max("blocked_until"), max("updated_at") FROM "failure_budgets"
WHERE "purpose" IN ('register', 'login', 'reset_password', 'verify_email') GROUP BY "destination", "device";
DELETE FROM "failure_budgets" WHERE "purpose" IN ('register', 'login', 'reset_password', 'verify_email');

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261128164500_second_press', '0.1.0');
