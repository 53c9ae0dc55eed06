import type { OpenAPIObject } from '@nestjs/swagger';
import { type Html, html } from '../../core/html.js';
import type { Dress } from '../pages/look.js';
import { frame } from '../pages/page-frame.js';
import { operationsOf } from '../problem-responses.js';
import { aboutSection, anchorOf, bySection } from './docs-order-policy.js';
import { marked, type Schema, Schemas } from './docs-schema.js';

type Operation = ReturnType<typeof operationsOf>[number][2];
interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}
interface Body {
  description?: string;
  content?: Record<string, { schema?: Schema }>;
}

interface Call {
  path: string;
  method: string;
  operation: Operation;
}

const STYLE = `
body { display: block; padding: 0; }
.skip { position: absolute; left: 1rem; top: -5rem; z-index: 2; padding: .5rem .9rem; border-radius: .5rem; background: var(--button); color: var(--on-button); }
.skip:focus { top: .6rem; }
.top { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; padding: .9rem 1.5rem; border-bottom: 1px solid var(--line); background: var(--sheet); }
.top b { font-size: 1.05rem; }
.page { display: grid; grid-template-columns: 14rem minmax(0, 1fr); max-width: 76rem; margin: 0 auto; }
nav.sections { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; padding: 1.5rem; }
nav.sections a { display: block; padding: .25rem 0; color: inherit; text-decoration: none; }
nav.sections a:hover { text-decoration: underline; }
main { max-width: none; padding: 1.5rem; border: 0; border-radius: 0; background: none; }
h1 { font-size: 1.9rem; }
h2 { margin: 2.5rem 0 .25rem; font-size: 1.3rem; scroll-margin-top: 1rem; }
h2::first-letter { text-transform: uppercase; }
h3 { margin: 1.25rem 0 .35rem; font-size: .95rem; }
ol { margin: 0 0 1rem; padding-left: 1.25rem; }
ol li { display: list-item; padding: .4rem 0; border: 0; }
pre { margin: .4rem 0 1rem; padding: .9rem 1rem; overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; background: var(--raised); font: 13px/1.55 var(--mono); }
details { margin: .5rem 0; border: 1px solid var(--line); border-radius: .6rem; background: var(--sheet); scroll-margin-top: 1rem; }
summary { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; padding: .6rem .9rem; cursor: pointer; list-style: none; border-radius: .6rem; }
summary::-webkit-details-marker { display: none; }
details[open] > summary { border-bottom: 1px solid var(--line); }
summary code { font-weight: 600; }
summary .soft { flex: 1 1 14rem; }
.verb { flex: 0 0 4.2rem; font: 700 .75rem var(--mono); color: var(--accent); }
.verb[data-verb=DELETE] { color: var(--danger); }
.call { padding: .5rem .9rem 1rem; }
.fields { margin: 0; padding-left: 0; font-size: .92rem; }
.fields li { display: block; padding: .45rem 0; }
.fields .fields { margin: .4rem 0 0 .3rem; padding-left: 1rem; border-left: 2px solid var(--line); }
.type { color: var(--soft); }
.must { color: var(--danger); font-size: .8rem; }
@media (max-width: 52rem) { .page { display: block; } nav.sections { position: static; max-height: none; padding: 1rem 1.25rem 0; columns: 2; } .top { padding: .9rem 1.25rem; } main { padding: 1rem 1.25rem 2rem; } .verb { flex-basis: 3.4rem; } }
`;

/** The documentation as a page: our own words, no script needed, and nothing but the document that /docs/json is. */
export function docsPage(
  document: OpenAPIObject,
  { appUrl, version, dress }: { appUrl: string; version: string; dress: Dress },
): { html: string; policy: string } {
  const look = dress.look(STYLE, false);
  const schemas = new Schemas(document);
  const sections = [...sectionsOf(document)].sort(([left], [right]) => bySection(left, right));
  const page = frame({
    title: 'API documentation · Otpost',
    head: look.style,
    body: html`<a class="skip" href="#content">Skip to the content</a>
    <header class="top"><b>Otpost API</b> <span class="soft">version ${version}</span> <a href="/">Start page</a> <a href="/docs/json">OpenAPI 3.1 as JSON</a></header>
    <div class="page">
      <nav class="sections" aria-label="Sections"><a href="#start">Start here</a>${sections.map(([name, calls]) => html`<a href="#${anchorOf(name)}">${capital(name)} <span class="soft">${calls.length}</span></a>`)}</nav>
      <main id="content" tabindex="-1">${startHere(appUrl)}${sections.map(([name, calls]) => section(name, calls, schemas, appUrl))}</main>
    </div>`,
  });
  return { html: page, policy: look.policy };
}

function capital(name: string): string {
  return name === 'api keys' ? 'API keys' : name[0]!.toUpperCase() + name.slice(1);
}

function sectionsOf(document: OpenAPIObject): Map<string, Call[]> {
  const found = new Map<string, Call[]>();
  for (const [path, method, operation] of operationsOf(document)) {
    const name = operation.tags?.[0] ?? 'others';
    found.set(name, [...(found.get(name) ?? []), { path, method, operation }]);
  }
  return found;
}

function startHere(appUrl: string): Html {
  const register = `curl ${appUrl}/v1/accounts \\\n  -H 'content-type: application/json' \\\n  -d '{"email":"ada@example.com"}'`;
  const verify = `curl ${appUrl}/v1/otp/<id>/verify \\\n  -H 'content-type: application/json' \\\n  -d '{"code":"123456"}'`;
  const me = `curl ${appUrl}/v1/me -H 'authorization: Bearer <accessToken>'`;
  return html`<h1 id="start">Otpost API</h1>
    <p>Accounts, one-time codes, and the mail and SMS that carry them, with a receipt for every message. JSON over HTTP; no library is needed.</p>
    <h2>Start here</h2>
    <ol>
      <li>Register somebody. The answer names a challenge, and a code is on its way. ${shell(register)}</li>
      <li>Give the code back. That makes the account and signs it in. In development the code is in the <a href="/inbox">inbox</a>. ${shell(verify)}</li>
      <li>Call on their behalf with the access token. ${shell(me)}</li>
    </ol>
    <p>For people in a browser, <a href="/account">/account</a> does the same without a line of code. For mail of your own back end, make a key (<code>otpost keys create --name shop --scope emails:send</code>), send it as <code>Authorization: Bearer</code>, and begin at <a href="#emails">emails</a>.</p>
    <h2>What holds for every call</h2>
    <ul class="fields">
      <li><b>Errors</b> are <code>application/problem+json</code> (RFC 9457) with a stable <code>code</code>, the <code>field</code> at fault, and a <code>remedy</code>. Decide by <code>code</code>.</li>
      <li><b>A 2xx means committed.</b> Mail that was accepted is not lost; what became of it is told by the calls under <a href="#emails">emails</a> and <a href="#codes">codes</a>.</li>
      <li><b>Sending again</b>: with the header <code>Idempotency-Key</code> the same request is done once, and answered the same.</li>
      <li><b>Limits</b> are told in <code>RateLimit</code>, and in <code>Retry-After</code> with a 429.</li>
      <li><b>Lists</b> are <code>{items, nextCursor}</code>; give <code>nextCursor</code> back as <code>cursor</code>.</li>
    </ul>`;
}

function shell(command: string): Html {
  return html`<pre tabindex="0" aria-label="Command">${command}</pre>`;
}

function section(name: string, calls: readonly Call[], schemas: Schemas, appUrl: string): Html {
  return html`<section aria-labelledby="${anchorOf(name)}"><h2 id="${anchorOf(name)}">${capital(name)}</h2><p class="soft">${aboutSection(name)}</p>
    ${calls.map((one) => call(one, schemas, appUrl))}</section>`;
}

function call({ path, method, operation }: Call, schemas: Schemas, appUrl: string): Html {
  const { summary, description, operationId } = operation;
  const parameters = (operation.parameters ?? []) as unknown as Parameter[];
  const body = operation.requestBody as Body | undefined;
  return html`<details id="${operationId}"><summary><span class="verb" data-verb="${method}">${method}</span><code>${path}</code><span class="soft">${summary}</span></summary>
    <div class="call">
      ${description && html`<p>${marked(description)}</p>`}
      <p class="soft">${(operation.security ?? []).length > 0 ? html`Needs <code>Authorization: Bearer</code>.` : 'Open to anybody.'}</p>
      ${parameters.length > 0 && html`<h3>Parameters</h3><ul class="fields">${parameters.map((one) => parameter(one, schemas))}</ul>`}
      ${body && requestBody(body, schemas)}
      <h3>Example</h3>${shell(exampleOf({ path, method, operation }, schemas, appUrl))}
      <h3>Answers</h3><ul class="fields">${Object.entries(operation.responses ?? {}).map(([status, answer]) => response(status, answer as Body & { $ref?: string }, schemas))}</ul>
    </div></details>`;
}

function parameter({ name, in: where, required, description, schema = {} }: Parameter, schemas: Schemas): Html {
  return html`<li><code>${name}</code> <span class="type">in the ${where}</span>${required === true && html` <span class="must">required</span>`}
    ${schemas.facts({ ...schema, ...(description === undefined ? {} : { description }) })}</li>`;
}

function requestBody({ content = {} }: Body, schemas: Schemas): Html {
  return html`${Object.entries(content).map(([type, { schema = {} }]) => html`<h3>Body, ${type}</h3>${schemas.fields(schema) || html`<p>${schemas.facts(schema)}</p>`}`)}`;
}

/** Problems that are shared stand in the document once; here their codes are enough. */
function response(status: string, answer: Body & { $ref?: string }, schemas: Schemas): Html | false {
  if (status === 'default') return false;
  if (answer.$ref !== undefined) {
    const codes = answer.$ref.split('/').at(-1)!.split('.');
    return html`<li><b>${status}</b> ${codes.map((code, index) => html`${index > 0 && ', '}<code>${code}</code>`)}</li>`;
  }
  const schema = Object.values(answer.content ?? {})[0]?.schema;
  return html`<li><b>${status}</b> ${answer.description && marked(answer.description)} ${schema && schemas.fields(schema)}</li>`;
}

function exampleOf({ path, method, operation }: Call, schemas: Schemas, appUrl: string): string {
  const url = appUrl + path.replaceAll(/\{(\w+)\}/g, '<$1>');
  const body = (operation.requestBody as Body | undefined)?.content ?? {};
  const json = body['application/json']?.schema;
  const [type] = Object.keys(body);
  const lines = [
    `curl ${method === 'GET' ? '' : `-X ${method} `}'${url}'`,
    ...((operation.security ?? []).length > 0 ? [`-H 'authorization: Bearer <token>'`] : []),
    ...(type === undefined ? [] : [`-H 'content-type: ${type}'`]),
    ...(json
      ? [`-d '${JSON.stringify(schemas.example(json)).replaceAll("'", "'\\''")}'`]
      : type === undefined
        ? []
        : ['--data-binary @file']),
  ];
  return lines.join(' \\\n  ');
}
