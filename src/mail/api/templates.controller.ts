import { Body, Controller, Get, Header, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard, Allow, By, Caller, type CallerIdentity } from '../../access/access.guard.js';
import { Audit, type Doer } from '../../audit/audit.js';
import { MayBeLeftOut } from '../../core/input.js';
import { type MailLane, MAIL_LANES } from '../../core/lanes.js';
import { Operation } from '../../core/operation.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import { IsOpenObject, refusalOf } from '../../core/validation.js';
import { Composer } from '../content/composer.js';
import {
  samplesOf,
  type TemplateVariable,
  testFaults,
  VARIABLE_TYPES,
  variableFaults,
} from '../content/template-policy.js';
import { type Template, Templates } from '../content/templates.js';
import { IdempotencyKey, TakesIdempotencyKey, told } from '../submission/idempotency-header.js';
import { Submission } from '../submission/submission.js';
import { READS } from './own-view.js';
import { IsTemplateLocale, LONGEST_ENTRY } from './send-request.js';
import { EmailStatusView, WordsView } from './shapes.js';
import { submitterOf } from './submission.controller.js';

/** Marks a test in the subject, for whoever gets it; and among the tags, for whoever looks for tests. */
const TEST = { subject: '[Test] ', tag: 'template-test' } as const;
const DEFAULT_LOCALE = 'en';

class TemplateVariableView implements TemplateVariable {
  @ApiProperty({ example: 'reference' })
  name!: string;

  @ApiProperty({
    enum: VARIABLE_TYPES,
    description: 'A text in one line, an address with http:// or https://, or a text with paragraphs',
  })
  type!: TemplateVariable['type'];

  @ApiProperty({ description: 'Otherwise the template leaves its place out where it is missing' })
  required!: boolean;

  @ApiProperty({ description: 'Whoever knows it may do what the recipient may: a test always has the sample' })
  secret!: boolean;

  @ApiProperty({ example: 'K7QX', description: 'Stands in previews and tests' })
  sample!: string;

  @ApiProperty()
  description!: string;
}

class TemplateView {
  @ApiProperty({ example: 'verification-code' })
  name!: string;

  @ApiProperty({ enum: MAIL_LANES, description: 'Of a message that names none' })
  lane!: MailLane;

  @ApiProperty({ description: 'Its words are erased at hand-over, and no call tells them' })
  secret!: boolean;

  @ApiProperty({ description: 'Whether POST /v1/emails takes it' })
  sendable!: boolean;

  @ApiProperty({ description: 'It says how long it is good, so a message needs `expiresAt`' })
  tellsExpiry!: boolean;

  @ApiProperty({ type: [String], example: ['en'], description: 'Languages that it has words in' })
  locales!: string[];

  @ApiProperty({ type: [TemplateVariableView] })
  variables!: TemplateVariableView[];

  static of({ name, lane, secret, tellsExpiry, locales, variables }: Template): TemplateView {
    return {
      // No template is for us alone: who may send any HTML may send these words, too.
      ...{ name, lane, secret, sendable: true, tellsExpiry, locales: [...locales] },
      variables: Object.entries(variables).map(([variable, facts]) => ({ name: variable, ...facts })),
    };
  }
}

class TemplateList {
  @ApiProperty({ type: [TemplateView] })
  items!: TemplateView[];
}

class TemplateSourceView extends WordsView {
  @ApiProperty({ example: 'en' })
  locale!: string;
}

class TemplateDetails extends TemplateView {
  @ApiProperty({
    type: [TemplateSourceView],
    description:
      'In Liquid, such as `Your {{ product }} code`, a language each: as they are rendered, with the layout that templates share.',
  })
  sources!: TemplateSourceView[];
}

class PreviewRequest {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { reference: 'K7QX' },
    description: 'In place of the samples',
  })
  @MayBeLeftOut()
  @IsOpenObject()
  variables?: Record<string, unknown>;

  @IsTemplateLocale()
  locale?: string;
}

class TestRequest extends PreviewRequest {
  @ApiProperty({ maxLength: LONGEST_ENTRY, example: 'ada@example.com', description: 'One address' })
  @IsString()
  @MaxLength(LONGEST_ENTRY)
  to!: string;

  @ApiPropertyOptional({ maxLength: LONGEST_ENTRY, description: 'As with POST /v1/emails' })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(LONGEST_ENTRY)
  from?: string;
}

class PreviewView extends WordsView {
  @ApiProperty({ example: 'en', description: 'The language it is in' })
  locale!: string;
}

const READABLE = 'Scope emails:read or emails:read:own, or a viewer.';

/** The mails that there are, for people who look at them and for back ends that send them. */
@ApiTags('templates')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/templates')
export class TemplatesController {
  constructor(
    private readonly templates: Templates,
    private readonly composer: Composer,
    private readonly submission: Submission,
    private readonly audit: Audit,
  ) {}

  @Get()
  @Allow(READS)
  @Operation(200, TemplateList, { summary: 'Which templates there are', description: `${READABLE} By name.` })
  list(): TemplateList {
    const byName = [...this.templates.known.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
    return { items: byName.map((template) => TemplateView.of(template)) };
  }

  @Get(':name')
  @Allow(READS)
  @Operation(200, TemplateDetails, { summary: 'A template, and its words', description: READABLE })
  @Problems('template_not_found')
  read(@Param('name') name: string): TemplateDetails {
    const template = this.find(name);
    const sources = template.locales.map((locale) => ({ locale, ...this.templates.sourcesOf(template, locale) }));
    return { ...TemplateView.of(template), sources };
  }

  @Post(':name/preview')
  @Allow(READS)
  @Header('Cache-Control', 'no-store')
  @Operation(200, PreviewView, { summary: 'What it looks like', description: `${READABLE} Nothing is sent or kept.` })
  @Problems('template_not_found')
  preview(@Param('name') name: string, @Body() body: PreviewRequest): PreviewView {
    return this.render(this.find(name), body);
  }

  @Post(':name/test')
  @Allow({ scope: 'emails:send', role: 'operator' })
  @TakesIdempotencyKey()
  @Operation(202, EmailStatusView, {
    summary: 'Send what it looks like to somebody',
    description: `Scope emails:send, or an operator. A message like any other: its subject begins with "${TEST.subject.trim()}", its tag is ${TEST.tag}, and codes and their links are the samples, so that nothing in it works.`,
  })
  @Problems('template_not_found', 'sender_not_allowed', 'idempotency_in_flight', 'idempotency_mismatch', 'rate_limited')
  async test(
    @Param('name') name: string,
    @Body() { to, from, ...asked }: TestRequest,
    @Caller() caller: CallerIdentity,
    @By() by: Doer,
    @IdempotencyKey() idempotencyKey: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EmailStatusView> {
    const template = this.find(name);
    refuse(testFaults(template, asked.variables ?? {}));
    const { subject, text, html, locale } = this.render(template, asked);
    const message = {
      ...{ to, from, text, html, lane: template.lane, tags: [TEST.tag] },
      subject: TEST.subject + subject,
      metadata: { template: name, locale },
    };
    const submitting = { submitter: submitterOf(caller, request), idempotencyKey, call: `test template ${name}` };
    const target = { kind: 'template', id: name };
    const answer = await this.submission.accept(message, submitting, (accepted) => [
      this.audit.companion({ action: 'template.tested', ...by, target, details: { as: accepted.id } }),
    ]);
    return told(answer, reply);
  }

  private find(name: string): Template {
    const template = this.templates.known.get(name);
    if (!template) throw new Problem('template_not_found');
    return template;
  }

  /** @throws Problem `validation_failed` that names each variable that is unfit or unknown */
  private render(template: Template, { variables: given, locale = DEFAULT_LOCALE }: PreviewRequest): PreviewView {
    const variables = { ...samplesOf(template), ...given };
    refuse(variableFaults(template, variables));
    return this.composer.preview(template, { variables, locale });
  }
}

/** @throws Problem `validation_failed` */
function refuse(errors: ReturnType<typeof variableFaults>): void {
  if (errors.length > 0) throw refusalOf(errors);
}
