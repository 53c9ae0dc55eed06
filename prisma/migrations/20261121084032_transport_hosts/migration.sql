-- CreateTable
CREATE TABLE "transport_hosts" (
    "name" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "paused_at" TIMESTAMPTZ(3),
    "pause_reason" TEXT,
    "backoff_until" TIMESTAMPTZ(3),
    "failures" INTEGER NOT NULL DEFAULT 0,
    "trial_until" TIMESTAMPTZ(3),
    "fingerprint" BYTEA,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "transport_hosts_pkey" PRIMARY KEY ("name","host")
);

-- From here on written by hand.

-- Messages of unknown outcome about which nobody has decided yet whether they go out once more.
CREATE INDEX "outbound_emails_undecided" ON "outbound_emails"("lease_until")
    WHERE "status" = 'unknown' AND "lease_until" IS NOT NULL;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261121084032_transport_hosts', '0.1.0');
