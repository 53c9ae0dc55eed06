import { Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { productOf } from '../config/product-name.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { FaultCharge } from './fault-charge.filter.js';
import { HomeController } from './home.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { asPageOrDocument, PROBLEM_WRITER } from './problem-writer.js';
import { validationPipe } from './validation.js';

@Module({
  controllers: [HomeController],
  providers: [
    { provide: PROBLEM_WRITER, inject: [SETTINGS], useFactory: (settings: Settings) => asPageOrDocument(productOf(settings)) },
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_FILTER, useClass: FaultCharge }, // asked before the one that takes everything
    { provide: APP_PIPE, useFactory: validationPipe },
  ],
})
export class HttpModule {}
