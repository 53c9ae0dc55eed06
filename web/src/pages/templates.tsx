import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, told } from '../api/client';
import { useMay, useMe } from '../me';
import { Confirm, Field } from '../ui/dialogs';
import { Listing } from '../ui/listing';
import { Button, Cell, Fault, MailFrame, Page, Section, Table, Tabs, Tag } from '../ui/parts';
import styles from '../ui/pages.module.css';

/** Gmail shows no more of a mail's HTML, and a link to the rest. */
const GMAIL_CLIPS_BYTES = 102 * 1_024;
const KB_BYTES = 1_024;

/** Bytes on the wire, where each line ends in CRLF. */
const bytesOf = (html: string): number => new TextEncoder().encode(html.replaceAll('\n', '\r\n')).length;

export function TemplatesPage() {
  const { data, error } = useQuery({
    queryKey: ['templates'],
    queryFn: () => told(api.GET('/v1/templates')),
    staleTime: 60_000,
  });
  return (
    <Page title="Templates">
      <Listing
        list={{ data, error }}
        label="Templates"
        heads={['Name', 'Lane', 'Content', 'Languages', 'Variables']}
        row={({ name, lane, secret, locales, variables }) => (
          <tr key={name}>
            <Cell head="" wide>
              <Link to="/templates/$name" params={{ name }} data-row>
                <b>{name}</b>
              </Link>
            </Cell>
            <Cell head="Lane">{lane}</Cell>
            <Cell head="Content">{secret ? <Tag tone="doubt">secret</Tag> : <Tag>kept</Tag>}</Cell>
            <Cell head="Languages">{locales.join(', ')}</Cell>
            <Cell head="Variables" wide>
              {variables.map((variable) => variable.name).join(', ')}
            </Cell>
          </tr>
        )}
      />
    </Page>
  );
}

export function TemplatePage() {
  const { name } = useParams({ from: '/templates/$name' });
  const { locale, width, scheme, view } = useSearch({ from: '/templates/$name' });
  const navigate = useNavigate({ from: '/templates/$name' });
  const me = useMe();
  const { act } = useMay();
  const params = { path: { name } };
  const { data, error } = useQuery({
    queryKey: ['template', name],
    queryFn: () => told(api.GET('/v1/templates/{name}', { params })),
    staleTime: 60_000,
  });
  const shown = locale ?? (data?.locales.includes('en') ? 'en' : data?.locales[0]) ?? 'en';
  const preview = useQuery({
    queryKey: ['preview', name, shown],
    queryFn: () => told(api.POST('/v1/templates/{name}/preview', { params, body: { locale: shown } })),
    staleTime: 60_000,
  });
  const [testing, setTesting] = useState(false);
  const [to, setTo] = useState('');
  const [sent, setSent] = useState<string>();
  const test = async () => {
    const header = { 'Idempotency-Key': crypto.randomUUID() };
    setSent(
      (
        await told(
          api.POST('/v1/templates/{name}/test', {
            params: { ...params, header },
            body: { to: to.trim(), locale: shown },
          }),
        )
      ).id,
    );
  };
  const look = view ?? 'html';
  return (
    <Page
      title={name}
      side={
        act && (
          <Button
            kind="main"
            onClick={() => {
              setTo(me?.email ?? '');
              setTesting(true);
            }}
          >
            Send a test
          </Button>
        )
      }
    >
      <Fault error={error ?? preview.error} />
      {sent && (
        <p role="status">
          The test is on its way:{' '}
          <Link to="/messages/$id" params={{ id: sent }}>
            follow it
          </Link>
        </p>
      )}
      {data && (
        <Section
          title="Preview"
          side={
            <span className={styles.tools}>
              <select
                aria-label="Language"
                value={shown}
                onChange={(event) => void navigate({ search: (former) => ({ ...former, locale: event.target.value }) })}
              >
                {data.locales.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
              <Tabs
                label="View"
                options={[
                  ['html', 'Rendered'],
                  ['text', 'Text'],
                  ['source', 'Source'],
                ]}
                value={look}
                onChange={(next) => void navigate({ search: (former) => ({ ...former, view: next }) })}
              />
              {look === 'html' && (
                <>
                  <Tabs
                    label="Width"
                    options={[
                      ['desktop', 'Desktop'],
                      ['phone', 'Phone'],
                    ]}
                    value={width ?? 'desktop'}
                    onChange={(next) => void navigate({ search: (former) => ({ ...former, width: next }) })}
                  />
                  <Tabs
                    label="Colours"
                    options={[
                      ['light', 'Light'],
                      ['dark', 'Dark'],
                    ]}
                    value={scheme ?? 'light'}
                    onChange={(next) => void navigate({ search: (former) => ({ ...former, scheme: next }) })}
                  />
                </>
              )}
            </span>
          }
        >
          {preview.data && (
            <>
              <p className={styles.subject} lang={shown}>
                {preview.data.subject}
              </p>
              <Weight bytes={bytesOf(preview.data.html)} />
            </>
          )}
          {look === 'html' && (
            <MailFrame
              src={`/operations/frame/templates/${encodeURIComponent(name)}?locale=${encodeURIComponent(shown)}`}
              title={`${name} in ${shown}`}
              width={width === 'phone' ? 'phone' : 'desktop'}
              scheme={scheme === 'dark' ? 'dark' : 'light'}
            />
          )}
          {look === 'text' && (
            <pre className={styles.text} lang={shown} tabIndex={0}>
              {preview.data?.text}
            </pre>
          )}
          {look === 'source' && (
            <pre className={styles.text} lang={shown} tabIndex={0}>
              {data.sources.find((one) => one.locale === shown)?.html}
            </pre>
          )}
        </Section>
      )}
      {data && (
        <Section title="Variables">
          <Table label="Variables" heads={['Name', 'Sample', 'Type', 'Needed', 'Meaning']}>
            {data.variables.map((one) => (
              <tr key={one.name}>
                <Cell head="" wide>
                  <code>{one.name}</code> {one.secret && <Tag tone="doubt">secret</Tag>}
                </Cell>
                <Cell head="Sample">{one.sample}</Cell>
                <Cell head="Type">{one.type}</Cell>
                <Cell head="Needed">{one.required ? 'yes' : 'no'}</Cell>
                <Cell head="Meaning" wide>
                  {one.description}
                </Cell>
              </tr>
            ))}
          </Table>
        </Section>
      )}
      <Confirm
        open={testing}
        onClose={() => setTesting(false)}
        title={`Send ${name} to`}
        action="Send"
        onConfirm={test}
      >
        <Field
          label="Address"
          hint="A message like any other: its subject begins with [Test], and no code or link in it works."
        >
          {(id) => <input id={id} type="email" required value={to} onChange={(event) => setTo(event.target.value)} />}
        </Field>
      </Confirm>
    </Page>
  );
}

function Weight({ bytes }: { bytes: number }) {
  const size = `${Math.ceil(bytes / KB_BYTES)} kB`;
  if (bytes <= GMAIL_CLIPS_BYTES) return <p className={styles.soft}>HTML with the samples: {size}</p>;
  return (
    <p role="status">
      <Tag tone="bad">HTML with the samples: {size}</Tag> Gmail clips it: readers see the first{' '}
      {GMAIL_CLIPS_BYTES / KB_BYTES} kB, and a link to the rest. Make it shorter.
    </p>
  );
}
