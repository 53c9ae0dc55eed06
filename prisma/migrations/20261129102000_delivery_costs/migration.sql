-- What each state lost and won: without a join, for rows that keep their state cancel out. Most offers and renewals change none.
CREATE OR REPLACE FUNCTION "count_outbound_changes"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_deltas (status, delta)
    SELECT status, sum(delta) FROM (
        SELECT status::text, 1 AS delta FROM after UNION ALL SELECT status::text, -1 FROM before
    ) AS changes GROUP BY status HAVING sum(delta) <> 0;
    RETURN NULL;
END $$;

-- Most messages have no such key, and each change of one wrote an entry for it. Made before the other one goes, which is in no
-- statement's way meanwhile.
CREATE INDEX "outbound_emails_superseding" ON "outbound_emails"("supersede_key", "id") WHERE "supersede_key" IS NOT NULL;
-- DropIndex
DROP INDEX "outbound_emails_supersede_key_id_idx";

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129102000_delivery_costs', '0.1.0');
