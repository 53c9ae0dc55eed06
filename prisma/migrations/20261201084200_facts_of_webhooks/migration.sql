-- AlterTable
ALTER TABLE "webhook_deliveries" ADD COLUMN     "scheduled_at" TIMESTAMPTZ(3),
ADD COLUMN     "to_address" TEXT;

-- From here on written by hand.

-- As before, and with what a webhook says of its message that may change between two attempts: the first of several recipients,
-- who may be split off, and the time for which it is scheduled. Whom a message to one is for does not change, and is not kept twice.
CREATE OR REPLACE FUNCTION "enqueue_webhooks"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM webhook_endpoints WHERE disabled_at IS NULL) THEN
        INSERT INTO webhook_deliveries (endpoint_id, type, email_event_id, to_address, scheduled_at)
        SELECT e.id, 'email.' || n.status, n.id, m.to_address, m.scheduled_at
        FROM noted n JOIN webhook_endpoints e
            ON e.disabled_at IS NULL AND (cardinality(e.events) = 0 OR 'email.' || n.status = ANY (e.events))
        CROSS JOIN LATERAL (
            SELECT CASE to_canonical WHEN '' THEN to_address END AS to_address,
                coalesce(scheduled_at, '-infinity') AS scheduled_at
            FROM outbound_emails WHERE id = n.email_id OFFSET 0) AS m
        WHERE n.status <> 'sending' AND NOT (n.status = 'queued' AND n.worker IS NOT NULL)
            AND n.status IS DISTINCT FROM (
                SELECT p.status FROM email_events p WHERE p.email_id = n.email_id AND p.id < n.id ORDER BY p.id DESC LIMIT 1)
        FOR KEY SHARE OF e;
    END IF;
    RETURN NULL;
END $$;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201084200_facts_of_webhooks', '0.1.0');
