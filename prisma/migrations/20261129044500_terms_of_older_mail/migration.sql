-- In a migration of its own: it locks nothing but what it writes, however many messages there are, and others go on meanwhile.
INSERT INTO "email_terms" ("term", "email_id")
SELECT term, m.id FROM "outbound_emails" m
CROSS JOIN LATERAL email_terms_of(m.to_canonical, m.recipients, m.template, m.api_key_id, m.from_address, m.tags) AS term
ON CONFLICT DO NOTHING;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129044500_terms_of_older_mail', '0.1.0');
