/** Bounces as servers write them, written anew after what each is known to send. */
export interface Bounced {
  /** Of the message that bounced: what its Message-ID begins with. */
  id: string;
  recipient: string;
  /** The address the bounce comes to. */
  to?: string;
  status?: string;
  action?: string;
  /** More headers of the bounce, each with a line end. */
  headers?: string;
  /** More fields about the message. */
  perMessage?: string;
  /** Tells two bounces apart. */
  key?: string;
}

export function postfixDsn({
  id,
  recipient,
  to = 'no-reply@example.com',
  status = '5.1.1',
  action = 'failed',
  headers = '',
  perMessage = '',
  key = '1',
}: Bounced): Buffer {
  return wire(`Return-Path: <>
${headers}Received: by mx.example.com (Postfix)
	id 4F1C2A0B; Sat, 21 Nov 2026 09:00:00 +0000 (UTC)
Date: Sat, 21 Nov 2026 09:00:00 +0000 (UTC)
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: ${to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4F1C2A0B.${key}/mx.example.com"
Content-Transfer-Encoding: 8bit
Message-Id: <20261121090000.${key}@mx.example.com>

This is a MIME-encapsulated message.

--4F1C2A0B.${key}/mx.example.com
Content-Description: Notification
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

This is the mail system at host mx.example.com.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

--4F1C2A0B.${key}/mx.example.com
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
${perMessage}X-Postfix-Queue-ID: 4F1C2A0B
X-Postfix-Sender: rfc822; no-reply@example.com
Arrival-Date: Sat, 21 Nov 2026 08:59:58 +0000 (UTC)

Final-Recipient: rfc822; ${recipient}
Original-Recipient: rfc822;${recipient}
Action: ${action}
Status: ${status}
Remote-MTA: dns; mail.example.org
Diagnostic-Code: smtp; 550 ${status} <${recipient}>: Recipient address
    rejected: User unknown in virtual mailbox table

--4F1C2A0B.${key}/mx.example.com
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers
Content-Transfer-Encoding: 8bit

Return-Path: <no-reply@example.com>
From: Acme <no-reply@example.com>
To: ${recipient}
Message-ID: <${id}@example.com>
Subject: Hello

--4F1C2A0B.${key}/mx.example.com--
`);
}

export function exchangeDsn({ id, recipient }: Bounced): Buffer {
  return wire(`From: "Microsoft Outlook" <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.org>
To: <no-reply@example.com>
Date: Sat, 21 Nov 2026 09:00:00 +0000
Content-Type: multipart/report; report-type="delivery-status";
	boundary="_8f6a2d3c-9a2b-4a54-9a3c-53f6f5a3a7e1_"
MIME-Version: 1.0
X-MS-Exchange-Message-Is-Ndr:
Content-Language: en-US
Message-ID: <8f6a2d3c@EX01.example.org>
In-Reply-To: <${id}@example.com>
Subject: Undeliverable: Hello
Auto-Submitted: auto-replied

--_8f6a2d3c-9a2b-4a54-9a3c-53f6f5a3a7e1_
Content-Type: multipart/alternative; boundary="_alt_"

--_alt_
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

Your message to ${recipient.replace('@', '=40')} couldn't be delivered.

--_alt_
Content-Type: text/html; charset="us-ascii"

<html><body><p>Your message couldn't be delivered.</p></body></html>

--_alt_--

--_8f6a2d3c-9a2b-4a54-9a3c-53f6f5a3a7e1_
Content-Type: message/delivery-status

Reporting-MTA: dns;EX01.example.org
Received-From-MTA: dns;mx.example.com
Arrival-Date: Sat, 21 Nov 2026 08:59:58 +0000

Final-Recipient: rfc822;${recipient}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ${recipient} not found by SMTP address lookup
X-Display-Name: ${recipient}

--_8f6a2d3c-9a2b-4a54-9a3c-53f6f5a3a7e1_
Content-Type: message/rfc822

Received: from mx.example.com (192.0.2.1) by EX01.example.org (192.0.2.2)
 with Microsoft SMTP Server; Sat, 21 Nov 2026 08:59:58 +0000
From: Acme <no-reply@example.com>
To: <${recipient}>
Message-ID:
 <${id}@example.com>
Subject: Hello
MIME-Version: 1.0
Content-Type: text/plain

Hello, Ada.

--_8f6a2d3c-9a2b-4a54-9a3c-53f6f5a3a7e1_--
`);
}

export function gmailDsn({ id, recipient }: Bounced): Buffer {
  return wire(`MIME-Version: 1.0
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: no-reply@example.com
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: <${id}@example.com>
In-Reply-To: <${id}@example.com>
X-Failed-Recipients: ${recipient}
Message-ID: <69200000.050a0220.1234.abcd.GMR@mx.google.com>
Date: Sat, 21 Nov 2026 01:00:00 -0800 (PST)
Content-Type: multipart/report; boundary="00000000000012345"; report-type=delivery-status

--00000000000012345
Content-Type: multipart/related; boundary="00000000000012346"

--00000000000012346
Content-Type: multipart/alternative; boundary="00000000000012347"

--00000000000012347
Content-Type: text/plain; charset="UTF-8"

** Address not found **

--00000000000012347
Content-Type: text/html; charset="UTF-8"

<html><body><img src="cid:icon.png"><h1>Address not found</h1></body></html>

--00000000000012347--
--00000000000012346
Content-Type: image/png; name="icon.png"
Content-Disposition: attachment; filename="icon.png"
Content-Transfer-Encoding: base64
Content-ID: <icon.png>

iVBORw0KGgo=
--00000000000012346--
--00000000000012345
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Arrival-Date: Sat, 21 Nov 2026 00:59:58 -0800 (PST)
X-Original-Message-ID: <${id}@example.com>

Final-Recipient: rfc822; ${recipient}
Action: failed
Status: 5.1.1
Remote-MTA: dns; gmail-smtp-in.l.google.com. (192.0.2.27, the server for the domain gmail.com.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try
 550-5.1.1 double-checking the recipient's email address for typos or
 550 5.1.1 unnecessary spaces.
Last-Attempt-Date: Sat, 21 Nov 2026 01:00:00 -0800 (PST)

--00000000000012345
Content-Type: message/rfc822

From: Acme <no-reply@example.com>
To: ${recipient}
Message-ID: <${id}@example.com>
Subject: Hello
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain

Hello, Ada.
--inner--

--00000000000012345--
`);
}

/** QSBMF: for people, and no RFC 3464. */
export function qmailBounce({ id, recipient }: Bounced): Buffer {
  return wire(`Date: 21 Nov 2026 09:00:00 -0000
From: MAILER-DAEMON@mx.example.org
To: no-reply@example.com
Subject: failure notice

Hi. This is the qmail-send program at mx.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<${recipient}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <no-reply@example.com>
Message-ID: <${id}@example.com>
To: ${recipient}
Subject: Hello
`);
}

function wire(text: string): Buffer {
  return Buffer.from(text.replaceAll('\n', '\r\n'));
}
