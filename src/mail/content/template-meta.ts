import { load } from 'js-yaml';
import { isMailLane, type MailLane, MAIL_LANES } from '../../core/lanes.js';
import {
  OF_OURSELVES,
  type TemplateFacts,
  type TemplateVariable,
  VARIABLE_TYPES,
  variableFaults,
  samplesOf,
} from './template-policy.js';
import type { SourceFile, TemplateFault } from './template-sources.js';

const FIELDS = ['description', 'lane', 'secret', 'tellsExpiry', 'variables'];
const VARIABLE_FIELDS = ['type', 'required', 'secret', 'sample', 'description'];
const VARIABLE_NAME = /^[a-z][A-Za-z0-9]{0,49}$/;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads `meta.yaml`. @param base the template of ours of that name: whoever sends it gives it what it has, so that
 * stays
 */
export function readMeta(
  template: string,
  { file, text }: SourceFile,
  base: TemplateFacts | undefined,
): { facts: TemplateFacts | undefined; faults: TemplateFault[] } {
  const reader = new MetaReader(template, file, text);
  const facts = reader.facts(base);
  return reader.faults.length > 0 ? { facts: undefined, faults: reader.faults } : { facts, faults: [] };
}

class MetaReader {
  readonly faults: TemplateFault[] = [];

  constructor(
    private readonly template: string,
    private readonly file: string,
    private readonly text: string,
  ) {}

  facts(base: TemplateFacts | undefined): TemplateFacts | undefined {
    const document = this.document();
    if (document === undefined) return undefined;
    this.refuseUnknown(document, FIELDS, '');
    const variables = { ...base?.variables, ...this.variables(document['variables'], base) };
    const isSecret = Object.values(variables).some(({ secret }) => secret);
    return {
      lane: this.lane(document['lane'], base),
      secret: this.flag(document, 'secret', base?.secret ?? isSecret) || isSecret,
      tellsExpiry: base?.tellsExpiry ?? this.flag(document, 'tellsExpiry', false),
      variables,
    };
  }

  private document(): Fields | undefined {
    try {
      const document = load(this.text) ?? {};
      if (isFields(document)) return document;
      this.fault(undefined, 'holds no fields', 'Begin with description: and variables:.');
    } catch (error) {
      const { mark, reason, message } = error as Error & { reason?: string; mark?: { line: number } };
      this.fault(mark && mark.line + 1, reason ?? message.split('\n', 1)[0]!, 'Correct the YAML.');
    }
    return undefined;
  }

  private lane(given: unknown, base: TemplateFacts | undefined): MailLane {
    if (given === undefined) return base?.lane ?? 'default';
    if (typeof given === 'string' && isMailLane(given)) return given;
    this.fault(this.lineOf('lane'), 'lane is none that there is', `Write one of ${MAIL_LANES.join(', ')}.`);
    return 'default';
  }

  private variables(given: unknown, base: TemplateFacts | undefined): Record<string, TemplateVariable> {
    if (given === undefined || given === null) return {};
    if (!isFields(given)) {
      this.fault(this.lineOf('variables'), 'variables holds no fields', 'Give each variable a line with its name.');
      return {};
    }
    return Object.fromEntries(
      Object.entries(given).flatMap(([name, facts]): [string, TemplateVariable][] => {
        const read = this.variable(name, facts, base);
        return read ? [[name, read]] : [];
      }),
    );
  }

  private variable(name: string, given: unknown, base: TemplateFacts | undefined): TemplateVariable | undefined {
    const line = this.lineOf(name);
    if (!VARIABLE_NAME.test(name) || OF_OURSELVES.includes(name)) {
      this.fault(
        line,
        `${name} is no name for a variable`,
        `Take letters and digits, and none of ${OF_OURSELVES.join(', ')}.`,
      );
      return undefined;
    }
    if (!isFields(given)) {
      this.fault(line, `${name} holds no fields`, 'Give it a type and a sample.');
      return undefined;
    }
    this.refuseUnknown(given, VARIABLE_FIELDS, `${name}.`);
    const former = base?.variables[name];
    const type =
      VARIABLE_TYPES.find((one) => one === given['type']) ?? (given['type'] === undefined ? former?.type : undefined);
    if (type === undefined) {
      this.fault(line, `${name} has no type that there is`, `Write one of ${VARIABLE_TYPES.join(', ')}.`);
      return undefined;
    }
    const variable: TemplateVariable = {
      type,
      required: this.flag(given, 'required', former?.required ?? false),
      secret: this.flag(given, 'secret', former?.secret ?? false),
      sample: this.textIn(given, 'sample', former?.sample),
      description: this.textIn(given, 'description', former?.description),
    };
    this.judge(name, variable, former, base, line);
    return variable;
  }

  private judge(
    name: string,
    variable: TemplateVariable,
    former: TemplateVariable | undefined,
    base: TemplateFacts | undefined,
    line: number | undefined,
  ): void {
    const one = {
      lane: 'default',
      secret: false,
      tellsExpiry: false,
      variables: { [name]: { ...variable, required: true } },
    } as const;
    const [unfit] = variableFaults(one, samplesOf(one));
    if (unfit) this.fault(line, `the sample of ${name} ${unfit.message}`, `Give it one that a mail could have.`);
    const same =
      former &&
      former.type === variable.type &&
      former.required === variable.required &&
      former.secret === variable.secret;
    if (former && !same)
      this.fault(
        line,
        `${name} is another variable than that of Otpost`,
        'Leave its type, required and secret as they are.',
      );
    if (base && !former && variable.required)
      this.fault(
        line,
        `${name} is required, and nobody gives it`,
        'Otpost sends this template itself: make it required: false.',
      );
  }

  /** A number is as good: YAML reads 123456 as one. */
  private textIn(fields: Fields, name: string, otherwise = ''): string {
    const given = fields[name];
    if (given === undefined || given === null) return otherwise;
    if (typeof given === 'string' || typeof given === 'number') return String(given);
    this.fault(this.lineOf(name), `${name} is no text`, 'Put it in quotes.');
    return otherwise;
  }

  private flag(fields: Fields, name: string, otherwise: boolean): boolean {
    const given = fields[name];
    if (given === undefined || typeof given === 'boolean') return given ?? otherwise;
    this.fault(this.lineOf(name), `${name} is neither true nor false`, 'Write true or false.');
    return otherwise;
  }

  private refuseUnknown(given: Fields, known: readonly string[], under: string): void {
    for (const name of Object.keys(given)) {
      if (known.includes(name)) continue;
      this.fault(this.lineOf(name), `${under}${name} is nothing that is read here`, `There are ${known.join(', ')}.`);
    }
  }

  private fault(line: number | undefined, message: string, remedy: string): void {
    this.faults.push({ template: this.template, file: this.file, line, message, remedy });
  }

  /** Where a name is given something; undefined where it is written another way. */
  private lineOf(name: string): number | undefined {
    const index = this.text.split('\n').findIndex((line) => line.trimStart().startsWith(`${name}:`));
    return index === -1 ? undefined : index + 1;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
