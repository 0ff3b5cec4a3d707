// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { BadRequestException, PipeTransform } from '@nestjs/common';
import { ZodSchema } from 'zod';

export class ZodPipe implements PipeTransform {
  constructor(private readonly schema: ZodSchema) {}
  transform(value: unknown) {
    const parsed = this.schema.safeParse(value);
    if (!parsed.success) throw new BadRequestException('invalid');
    return parsed.data;
  }
}
