import type { Answer, Api } from './api.js';

export interface SubscriberBody {
  id: string;
  email: string;
  status: string;
  attributes: Record<string, string>;
  locale: string | null;
  sentCount: number;
  lastSentAt: string | null;
  confirmation?: { reference: string; expiresAt: string } | null;
}

export interface ImportBody {
  id: string;
  status: 'running' | 'done' | 'failed';
  errorCode: string | null;
  delimiter: string | null;
  columns: string[];
  size: number;
  position: number;
  totals: Record<'lines' | 'created' | 'updated' | 'duplicates' | 'kept' | 'bad', number>;
  badByCode: Record<string, number>;
  faults: { line: number; code: string; message: string }[];
  moreFaults: number;
}

export interface BroadcastBody {
  id: string;
  status: string;
  total: number | null;
  expanded: number;
  counts: Record<string, number>;
  startedAt: string | null;
  estimatedEndAt: string | null;
}

/** Milliseconds from its start to its estimated end, both by the clock of the service. */
export function estimatedMs({ startedAt, estimatedEndAt }: BroadcastBody): number {
  return Date.parse(estimatedEndAt!) - Date.parse(startedAt!);
}

/** A back end with an audience. */
export class AudienceClient {
  private constructor(
    readonly api: Api,
    private readonly key: string,
    readonly id: string,
  ) {}

  static async make(api: Api, key: string, name = 'Drivers'): Promise<AudienceClient> {
    const { status, body } = await api.post<{ id: string }>(
      '/v1/audiences',
      { name },
      { authorization: `Bearer ${key}` },
    );
    if (status !== 201) throw new Error(`no audience was made: ${JSON.stringify(body)}`);
    return new AudienceClient(api, key, body.id);
  }

  /** The same, asked of another process. */
  by(api: Api): AudienceClient {
    return new AudienceClient(api, this.key, this.id);
  }

  get auth(): Record<string, string> {
    return { authorization: `Bearer ${this.key}` };
  }

  post<Body>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<Body>> {
    return this.api.post<Body>(path, body, { ...this.auth, ...headers });
  }

  get<Body>(path: string): Promise<Answer<Body>> {
    return this.api.get<Body>(path, this.key);
  }

  add(email: string, more: object = {}): Promise<Answer<SubscriberBody>> {
    return this.post<SubscriberBody>(`/v1/audiences/${this.id}/subscribers`, { email, ...more });
  }

  async find(email: string): Promise<SubscriberBody> {
    const path = `/v1/audiences/${this.id}/subscribers?q=${encodeURIComponent(email)}`;
    const found = (await this.get<{ items: SubscriberBody[] }>(path)).body.items.find((one) => one.email === email);
    if (!found) throw new Error(`${email} is not in the audience`);
    return found;
  }

  async import(body: Buffer | string, type = 'text/csv'): Promise<Answer<ImportBody>> {
    const response = await fetch(`${this.api.url}/v1/audiences/${this.id}/import`, {
      method: 'POST',
      headers: { ...this.auth, 'content-type': type },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as ImportBody };
  }

  look(importId: string): Promise<Answer<ImportBody>> {
    return this.get<ImportBody>(`/v1/audiences/${this.id}/imports/${importId}`);
  }

  tell(words: object, headers: Record<string, string> = {}): Promise<Answer<BroadcastBody>> {
    return this.post<BroadcastBody>('/v1/broadcasts', { audience: this.id, ...words }, headers);
  }

  async broadcast(id: string): Promise<BroadcastBody> {
    return (await this.get<BroadcastBody>(`/v1/broadcasts/${id}`)).body;
  }

  steer(id: string, how: 'pause' | 'resume' | 'cancel'): Promise<Answer<BroadcastBody>> {
    return this.post<BroadcastBody>(`/v1/broadcasts/${id}/${how}`, {});
  }
}
