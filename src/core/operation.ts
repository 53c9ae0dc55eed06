import { applyDecorators, HttpCode, type Type } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';

/** What a call answers when all goes well, and how the documentation describes it. */
export function Operation(
  status: number,
  type: Type | undefined,
  words: { summary: string; description?: string },
): MethodDecorator {
  return applyDecorators(HttpCode(status), ApiOperation(words), ApiResponse({ status, ...(type ? { type } : {}) }));
}
