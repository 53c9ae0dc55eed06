-- CreateEnum
CREATE TYPE "channel" AS ENUM ('email', 'sms');

-- AlterTable
ALTER TABLE "outbound_emails" ADD COLUMN     "channel" "channel" NOT NULL DEFAULT 'email';

-- AlterTable
ALTER TABLE "otp_challenges" ADD COLUMN     "channel" "channel" NOT NULL DEFAULT 'email',
ADD COLUMN     "other_destination" TEXT;

-- From here on written by hand.

-- Workers claim by lane. What a mail transport could take by mistake would be mailed to a number. Rows from before need no look.
ALTER TABLE "outbound_emails" ADD CONSTRAINT "outbound_emails_channel_of_lane" CHECK (("channel" = 'sms') = ("lane" = 'sms')) NOT VALID;

-- The oldest version of Otpost that works on this schema.
INSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('20261129190100_channels', '0.1.0');
