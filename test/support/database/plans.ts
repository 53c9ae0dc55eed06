import type { Prisma } from '../../../src/generated/prisma/client.js';

/** What is counted is there where the statement was carried out. */
export interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Join Filter'?: number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
}

/** A row that EXPLAIN (FORMAT JSON) answers. */
export interface Explained {
  'QUERY PLAN': { Plan: PlanNode }[];
}

type Explain = (text: string, values: unknown[]) => Promise<Explained[]>;

/** All steps of how Postgres would carry a statement out, or did (`analyse`). The first one is the whole. */
export async function nodesOf(
  explain: Explain,
  { text, values }: Prisma.Sql,
  { analyse = false } = {},
): Promise<PlanNode[]> {
  const options = analyse ? 'FORMAT JSON, ANALYZE, BUFFERS, TIMING off' : 'FORMAT JSON';
  const [row] = await explain(`EXPLAIN (${options}) ${text}`, values);
  const within = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(within)];
  return row!['QUERY PLAN'].flatMap(({ Plan }) => within(Plan));
}

/** Blocks that the statement touched. */
export function blocksOf([whole]: readonly PlanNode[]): number {
  return whole!['Shared Hit Blocks'] + whole!['Shared Read Blocks'];
}
