-- AlterTable
ALTER TABLE "api_keys" ADD COLUMN     "senders" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "outbound_emails" ADD COLUMN     "content_id" UUID,
ADD COLUMN     "metadata" JSONB,
ADD COLUMN     "recipients" JSONB,
ADD COLUMN     "split_from" UUID,
ADD COLUMN     "subject" TEXT,
ADD COLUMN     "tags" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- CreateTable
CREATE TABLE "email_contents" (
    "id" UUID NOT NULL,
    "sealed" BYTEA NOT NULL,
    "seal_key_id" TEXT NOT NULL,
    "secret" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "email_contents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "email_content_files" (
    "content_id" UUID NOT NULL,
    "file_id" UUID NOT NULL,

    CONSTRAINT "email_content_files_pkey" PRIMARY KEY ("content_id","file_id")
);

-- CreateTable
CREATE TABLE "stored_files" (
    "id" UUID NOT NULL,
    "sha256" BYTEA,
    "size" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "kept_until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "stored_files_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "stored_file_parts" (
    "id" UUID NOT NULL,
    "file_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "sealed" BYTEA NOT NULL,
    "seal_key_id" TEXT NOT NULL,

    CONSTRAINT "stored_file_parts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "email_terms" (
    "term" TEXT NOT NULL,
    "email_id" UUID NOT NULL,

    CONSTRAINT "email_terms_pkey" PRIMARY KEY ("term","email_id")
);

-- CreateTable
CREATE TABLE "idempotency_keys" (
    "caller" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "status" INTEGER NOT NULL,
    "answer" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("caller","key")
);

-- CreateTable
CREATE TABLE "email_actions" (
    "id" UUID NOT NULL,
    "action" TEXT NOT NULL,
    "filter" JSONB NOT NULL,
    "reason" TEXT,
    "found" INTEGER NOT NULL,
    "done" INTEGER NOT NULL DEFAULT 0,
    "cursor" UUID,
    "last_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT,

    CONSTRAINT "email_actions_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "email_contents_created_at_idx" ON "email_contents"("created_at");

-- CreateIndex
CREATE INDEX "email_content_files_file_id_idx" ON "email_content_files"("file_id");

-- CreateIndex
CREATE UNIQUE INDEX "stored_files_sha256_key" ON "stored_files"("sha256");

-- CreateIndex
CREATE INDEX "stored_files_kept_until_idx" ON "stored_files"("kept_until");

-- CreateIndex
CREATE UNIQUE INDEX "stored_file_parts_file_id_position_key" ON "stored_file_parts"("file_id", "position");

-- CreateIndex
CREATE INDEX "idempotency_keys_expires_at_idx" ON "idempotency_keys"("expires_at");

-- AddForeignKey
ALTER TABLE "email_content_files" ADD CONSTRAINT "email_content_files_content_id_fkey" FOREIGN KEY ("content_id") REFERENCES "email_contents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "email_content_files" ADD CONSTRAINT "email_content_files_file_id_fkey" FOREIGN KEY ("file_id") REFERENCES "stored_files"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stored_file_parts" ADD CONSTRAINT "stored_file_parts_file_id_fkey" FOREIGN KEY ("file_id") REFERENCES "stored_files"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- From here on written by hand.

-- Ciphertext does not compress; out of line it is not copied when a row changes.
ALTER TABLE "outbound_emails" ALTER COLUMN "sealed_variables" SET STORAGE EXTERNAL;
ALTER TABLE "email_contents" ALTER COLUMN "sealed" SET STORAGE EXTERNAL;
ALTER TABLE "stored_file_parts" ALTER COLUMN "sealed" SET STORAGE EXTERNAL;

CREATE INDEX "email_actions_open" ON "email_actions"("id") WHERE "finished_at" IS NULL;

-- What a message is looked up by. The same for what is written and for what is removed.
CREATE FUNCTION "email_terms_of"(to_canonical text, recipients jsonb, template text, api_key_id uuid, from_address text, tags text[])
RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'to:' || to_canonical WHERE to_canonical <> ''
    UNION SELECT 'to:' || (r ->> 'canonical') FROM jsonb_array_elements(recipients) AS r
    UNION SELECT 'tag:' || t FROM unnest(tags) AS t
    UNION SELECT 'template:' || template WHERE template IS NOT NULL
    UNION SELECT 'key:' || api_key_id WHERE api_key_id IS NOT NULL
    UNION SELECT 'from:' || lower(coalesce(substring(from_address FROM '<([^<>]+)>$'), from_address)) WHERE api_key_id IS NOT NULL
$$;

-- By a trigger, so that also what an older build accepts beside this one is found.
CREATE OR REPLACE FUNCTION "count_outbound_inserts"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_deltas (status, delta) SELECT status::text, count(*) FROM made GROUP BY status;
    INSERT INTO email_terms (term, email_id)
    SELECT term, made.id FROM made
    CROSS JOIN LATERAL email_terms_of(made.to_canonical, made.recipients, made.template, made.api_key_id, made.from_address, made.tags) AS term;
    RETURN NULL;
END $$;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129044402_mail_api', '0.1.0');
