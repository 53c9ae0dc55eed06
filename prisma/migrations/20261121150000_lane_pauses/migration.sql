-- CreateTable
CREATE TABLE "lane_pauses" (
    "lane" "lane" NOT NULL,
    "paused_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "reason" TEXT,

    CONSTRAINT "lane_pauses_pkey" PRIMARY KEY ("lane")
);

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261121150000_lane_pauses', '0.1.0');
