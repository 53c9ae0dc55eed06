-- Attempts under way to an endpoint. In a function of its own, which looks anew each time it is called: a statement sees what there
-- was when it began, and of two claims side by side the second counted nothing of the first, though it found its lock free.
CREATE FUNCTION "webhooks_under_way"(endpoint uuid) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint_id = endpoint AND d.status = 'sending');
END $$;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261201084000_claims_of_webhooks', '0.1.0');
