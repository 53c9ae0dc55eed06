import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A request that arrived whole. */
export interface ReceivedRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: object | string;
}

export type ProviderName = 'resend' | 'sendgrid' | 'postmark' | 'mailgun' | 'brevo' | 'mailjet' | 'ses';
export type Api = (request: ReceivedRequest) => Reply;

/** What each provider lets in. */
export const KEYS = {
  resend: 're_test',
  sendgrid: 'SG.test',
  postmark: 'pm-test',
  mailgun: 'key-test',
  brevo: 'xkeysib-test',
  mailjet: 'mj-key:mj-secret',
  aws: { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
};

/** A fresh one for each server: some remember. */
export function answerAs(name: ProviderName): Api {
  return { resend, sendgrid, postmark, mailgun, brevo, mailjet, ses }[name]();
}

type Json = Record<string, unknown>;

/** https://resend.com/docs/api-reference/emails/send-email and /errors */
function resend(): Api {
  const sent = new Map<string, { body: string; reply: Reply }>();
  return ({ path, headers, body }) => {
    if (path !== '/emails')
      return {
        status: 404,
        body: { statusCode: 404, name: 'not_found', message: 'The requested endpoint does not exist' },
      };
    if (headers.authorization !== `Bearer ${KEYS.resend}`)
      return { status: 403, body: { statusCode: 403, name: 'invalid_api_key', message: 'API key is invalid' } };
    const json = parse(body);
    const missing = ['from', 'to', 'subject'].find((field) => !json[field]);
    if (missing || !(json['text'] || json['html'])) {
      return {
        status: 422,
        body: { statusCode: 422, name: 'missing_required_field', message: `Missing \`${missing ?? 'html'}\` field.` },
      };
    }
    const tags = (json['tags'] ?? []) as { name: string; value: string }[];
    if (tags.some(({ name, value }) => !/^[\w-]{1,256}$/.test(name) || !/^[\w-]{1,256}$/.test(value))) {
      return {
        status: 422,
        body: {
          statusCode: 422,
          name: 'validation_error',
          message: 'Tags should only contain ASCII letters, numbers, underscores, or dashes.',
        },
      };
    }
    const key = String(headers['idempotency-key'] ?? '');
    if (key.length > 256)
      return {
        status: 400,
        body: { statusCode: 400, name: 'invalid_idempotency_key', message: 'The key must be between 1-256 chars.' },
      };
    const before = sent.get(key);
    if (before && before.body !== body) {
      return {
        status: 409,
        body: {
          statusCode: 409,
          name: 'invalid_idempotent_request',
          message: 'Same idempotency key used with a different request payload.',
        },
      };
    }
    const reply = before?.reply ?? { status: 200, body: { id: `re-${sent.size + 1}` } };
    if (key !== '') sent.set(key, { body, reply });
    return reply;
  };
}

/** https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send */
function sendgrid(): Api {
  let count = 0;
  return ({ path, headers, body }) => {
    const wrong = (status: number, message: string, field: string | null = null): Reply => ({
      status,
      body: { errors: [{ message, field, help: null }] },
    });
    if (path !== '/v3/mail/send') return wrong(404, 'not found');
    if (headers.authorization !== `Bearer ${KEYS.sendgrid}`)
      return wrong(401, 'The provided authorization grant is invalid, expired, or revoked');
    const { personalizations, from, subject, content, custom_args } = parse(body) as {
      personalizations?: { to?: { email?: string }[] }[];
      from?: { email?: string };
      subject?: string;
      content?: { type: string; value: string }[];
      custom_args?: Record<string, unknown>;
    };
    if (!personalizations?.[0]?.to?.[0]?.email) return wrong(400, 'The to email is required.', 'personalizations.0.to');
    if (!from?.email) return wrong(400, 'The from object must be provided for every email send.', 'from');
    if (!subject) return wrong(400, 'The subject is required.', 'subject');
    if (!content?.length || content.some(({ value }) => !value))
      return wrong(400, 'The content value must be a string at least one character in length.', 'content.0.value');
    if (content.length > 1 && content[0]!.type !== 'text/plain')
      return wrong(400, 'If present, text/plain must be first', 'content');
    if (Object.values(custom_args ?? {}).some((value) => typeof value !== 'string'))
      return wrong(400, 'The custom_args must be strings', 'custom_args');
    return { status: 202, headers: { 'X-Message-Id': `sg-${++count}` } };
  };
}

/** https://postmarkapp.com/developer/api/email-api */
function postmark(): Api {
  let count = 0;
  return ({ path, headers, body }) => {
    if (path !== '/email') return { status: 404, body: 'Not found' };
    if (headers['x-postmark-server-token'] !== KEYS.postmark) {
      return { status: 401, body: { ErrorCode: 10, Message: 'Bad or missing Server API token.' } };
    }
    if (!headers.accept?.includes('application/json'))
      return { status: 422, body: { ErrorCode: 409, Message: 'JSON required' } };
    const { From, To, TextBody, HtmlBody } = parse(body);
    if (!From || !To || !(TextBody || HtmlBody))
      return { status: 422, body: { ErrorCode: 300, Message: "Invalid 'To' address: ''." } };
    return {
      status: 200,
      body: { To, SubmittedAt: '2026-11-21T08:00:00Z', MessageID: `pm-${++count}`, ErrorCode: 0, Message: 'OK' },
    };
  };
}

/** https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages */
function mailgun(): Api {
  let count = 0;
  return ({ path, headers, body }) => {
    const [, domain, mime] = /^\/v3\/([^/]+)\/messages(\.mime)?$/.exec(path) ?? [];
    if (headers.authorization !== `Basic ${Buffer.from(`api:${KEYS.mailgun}`).toString('base64')}`)
      return { status: 401, body: 'Forbidden' };
    if (domain !== 'mg.example.com') return { status: 404, body: { message: 'Domain not found' } };
    const form = new URLSearchParams(body);
    const given = (field: string): boolean =>
      mime === undefined ? Boolean(form.get(field)) : body.includes(`name="${field}"`);
    const missing = (mime === undefined ? ['from', 'to', 'subject'] : ['to', 'message']).find((field) => !given(field));
    if (missing) return { status: 400, body: { message: `${missing} parameter is missing` } };
    return { status: 200, body: { id: `<mg-${++count}@mg.example.com>`, message: 'Queued. Thank you.' } };
  };
}

/** https://developers.brevo.com/reference/sendtransacemail */
function brevo(): Api {
  const keys = new Set<string>();
  return ({ path, headers, body }) => {
    if (path !== '/v3/smtp/email') return { status: 404, body: { code: 'document_not_found', message: 'not found' } };
    if (headers['api-key'] !== KEYS.brevo)
      return { status: 401, body: { code: 'unauthorized', message: 'Key not found' } };
    const {
      sender,
      to,
      subject,
      textContent,
      htmlContent,
      headers: own,
    } = parse(body) as {
      sender?: { email?: string };
      to?: { email?: string }[];
      subject?: string;
      textContent?: string;
      htmlContent?: string;
      headers?: Record<string, string>;
    };
    const missing = !sender?.email
      ? 'sender'
      : !to?.[0]?.email
        ? 'to'
        : !subject
          ? 'subject'
          : !(htmlContent || textContent)
            ? 'htmlContent'
            : undefined;
    if (missing) return { status: 400, body: { code: 'missing_parameter', message: `${missing} is missing` } };
    const key = own?.['idempotencyKey'];
    if (key !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(key))
      return { status: 400, body: { code: 'invalid_parameter', message: 'idempotencyKey is not a UUID' } };
    if (key !== undefined && keys.has(key))
      return { status: 400, body: { code: 'duplicate_parameter', message: 'idempotencyKey was used before' } };
    if (key !== undefined) keys.add(key);
    return { status: 201, body: { messageId: `<br-${keys.size}@smtp-relay.mailin.fr>` } };
  };
}

/** https://dev.mailjet.com/email/guides/send-api-v31/ */
function mailjet(): Api {
  const FORBIDDEN = ['from', 'sender', 'subject', 'to', 'cc', 'bcc', 'reply-to', 'date', 'message-id', 'x-mj-customid'];
  return ({ path, headers, body }) => {
    if (path !== '/v3.1/send') return { status: 404, body: { ErrorMessage: 'not found', StatusCode: 404 } };
    if (headers.authorization !== `Basic ${Buffer.from(KEYS.mailjet).toString('base64')}`) {
      return {
        status: 401,
        body: { ErrorIdentifier: 'x', ErrorMessage: 'API key authentication/authorization failure.', StatusCode: 401 },
      };
    }
    const [message] = (parse(body)['Messages'] ?? []) as {
      From?: { Email?: string };
      To?: { Email?: string }[];
      TextPart?: string;
      HTMLPart?: string;
      Headers?: Record<string, string>;
      CustomID?: string;
    }[];
    const wrong = (ErrorCode: string, ErrorMessage: string): Reply => ({
      status: 400,
      body: {
        Messages: [{ Status: 'error', Errors: [{ ErrorIdentifier: 'x', ErrorCode, StatusCode: 400, ErrorMessage }] }],
      },
    });
    if (!message?.From?.Email || !message.To?.[0]?.Email) return wrong('mj-0003', 'A mandatory property is missing');
    if (!message.TextPart && !message.HTMLPart)
      return wrong('send-0003', 'At least "HTMLPart", "TextPart" or "TemplateID" must be provided.');
    const forbidden = Object.keys(message.Headers ?? {}).find((name) => FORBIDDEN.includes(name.toLowerCase()));
    if (forbidden)
      return wrong('send-0011', `Header "${forbidden}" cannot be customized using the "Headers" collection`);
    // As a number with more digits than JSON.parse keeps, which is why this is no object.
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: `{"Messages":[{"Status":"success","CustomID":"${message.CustomID}","To":[{"Email":"${message.To[0].Email}","MessageUUID":"u","MessageID":1152921512345678901}]}]}`,
    };
  };
}

/**
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html; signatures are worked out once more here.
 */
function ses(): Api {
  let count = 0;
  return ({ path, headers, body }) => {
    const wrong = (status: number, type: string, message: string): Reply => ({
      status,
      headers: { 'x-amzn-errortype': type },
      body: { message },
    });
    if (path !== '/v2/email/outbound-emails') return wrong(404, 'UnknownOperationException', '');
    const auth = /^AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
    if (!auth) return wrong(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token');
    const [, credential, names, signature] = auth as unknown as string[];
    const [id, day, region, service, end] = credential!.split('/');
    const time = String(headers['x-amz-date']);
    if (id !== KEYS.aws.AWS_ACCESS_KEY_ID)
      return wrong(403, 'UnrecognizedClientException', 'The security token included in the request is invalid.');
    const hash = (text: string) => createHash('sha256').update(text).digest('hex');
    const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
    const lines = names!
      .split(';')
      .map((name) => `${name}:${String(headers[name])}\n`)
      .join('');
    const toSign = `AWS4-HMAC-SHA256\n${time}\n${day}/${region}/${service}/${end}\n${hash(`POST\n${path}\n\n${lines}\n${names}\n${hash(body)}`)}`;
    const key = hmac(hmac(hmac(hmac(`AWS4${KEYS.aws.AWS_SECRET_ACCESS_KEY}`, day!), region!), service!), end!);
    if (hmac(key, toSign).toString('hex') !== signature || service !== 'ses') {
      return wrong(
        403,
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided.',
      );
    }
    const { Content, Destination } = parse(body) as {
      Content?: { Raw?: { Data?: string } };
      Destination?: { ToAddresses?: string[] };
    };
    if (!Content?.Raw?.Data || !Destination?.ToAddresses?.length)
      return wrong(400, 'BadRequestException', 'Content is missing');
    return { status: 200, body: { MessageId: `ses-${++count}` } };
  };
}

function parse(body: string): Json {
  try {
    return JSON.parse(body) as Json;
  } catch {
    return {}; // and so every field is missing
  }
}
