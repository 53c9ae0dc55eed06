import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiProblem, api, told } from '../api/client';
import { Button, FactList, Fault, Loading, MailFrame, Section, Tabs } from '../ui/parts';
import styles from './message.module.css';

export function useContent(id: string) {
  return useQuery({
    queryKey: ['content', id],
    queryFn: () => told(api.GET('/v1/emails/{id}/content', { params: { path: { id } } })),
    staleTime: 60_000,
    retry: false,
  });
}

const WHY: Record<string, string> = {
  content_secret: 'It carries a code, and nobody may read it here: its words were never kept in the open.',
  template_changed: 'Its template is gone, or needs what the message does not have: its words cannot be made again.',
  content_erased: 'Its words were erased: they are kept for RETENTION_DAYS.',
};

export function Content({ id }: { id: string }) {
  const { data, error } = useContent(id);
  const [view, setView] = useState<'html' | 'text' | 'headers'>('html');
  const [width, setWidth] = useState<'desktop' | 'phone'>('desktop');
  const [fault, setFault] = useState<unknown>();
  if (error) {
    const why = error instanceof ApiProblem ? WHY[error.code] : undefined;
    return <Section title="Content">{why ? <p className={styles.soft}>{why}</p> : <Fault error={error} />}</Section>;
  }
  if (!data)
    return (
      <Section title="Content">
        <Loading />
      </Section>
    );
  const source = async () => {
    const bytes = await told(api.GET('/v1/emails/{id}/source', { params: { path: { id } }, parseAs: 'blob' }));
    const link = document.createElement('a');
    link.href = URL.createObjectURL(bytes);
    link.download = `${id}.eml`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return (
    <Section
      title="Content"
      side={
        <span className={styles.tools}>
          <Tabs
            label="View"
            options={[
              ['html', 'Rendered'],
              ['text', 'Text'],
              ['headers', 'Headers'],
            ]}
            value={view}
            onChange={setView}
          />
          {view === 'html' && (
            <Tabs
              label="Width"
              options={[
                ['desktop', 'Desktop'],
                ['phone', 'Phone'],
              ]}
              value={width}
              onChange={setWidth}
            />
          )}
          <Button onClick={() => void source().catch(setFault)}>Source</Button>
        </span>
      }
    >
      <Fault error={fault} />
      <p className={styles.subject}>{data.subject}</p>
      {view === 'html' && (
        <MailFrame src={`/operations/frame/emails/${id}`} title="The mail as its recipient sees it" width={width} />
      )}
      {view === 'text' && (
        <pre className={styles.text} tabIndex={0}>
          {data.text}
        </pre>
      )}
      {view === 'headers' && (
        <FactList
          rows={[
            ['From', data.from],
            ['To', data.to.join(', ')],
            ...(data.cc.length > 0 ? [['Cc', data.cc.join(', ')]] : []),
            ...(data.replyTo.length > 0 ? [['Reply-To', data.replyTo.join(', ')]] : []),
            ...Object.entries(data.headers),
          ].map(([name, value]) => [String(name), String(value), 'wide'])}
        />
      )}
      {data.attachments.length > 0 && (
        <ul className={styles.attachments}>
          {data.attachments.map(({ filename, contentType, size }) => (
            <li key={filename}>
              {filename}{' '}
              <span className={styles.soft}>
                {contentType}, {Math.ceil(size / 1_024)} kB
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
