import { Controller, Get, Header, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { ApiExcludeController } from '@nestjs/swagger';
import { Settings } from '../config/settings.js';
import { validationPipe } from '../core/validation.js';
import { PAGE_SCRIPT } from './pages/page-script.js';
import { PROBLEM_WRITER, ProblemFilter, problemWriterOf } from './problem-writer.js';
import { FaultCharge } from './validation.js';

/** The script of people's pages, whose address changes with it. */
@ApiExcludeController()
@Controller()
class PageScriptController {
  @Get('page.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Header('Cache-Control', 'public, max-age=31536000, immutable')
  script(): string {
    return PAGE_SCRIPT;
  }
}

@Module({
  controllers: [PageScriptController],
  providers: [
    {
      provide: PROBLEM_WRITER,
      inject: [Settings],
      useFactory: problemWriterOf,
    },
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_FILTER, useClass: FaultCharge }, // asked before the one that takes everything
    { provide: APP_PIPE, useFactory: validationPipe },
  ],
})
export class HttpModule {}
