-- What the inbox of development was asked to do to the next messages, the first one first.
CREATE TABLE "capture_faults" (
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "capture_faults_pkey" PRIMARY KEY ("id")
);

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129200000_capture_faults', '0.1.0');
