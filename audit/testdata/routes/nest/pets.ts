// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';

abstract class Pets {
  @Get() all(@Query('name') name: string) { return [name]; }
  @Get(':id') one(@Param('id') id: string) { return id; }
  helper() { return 1; }
}
@Controller('cats')
export class CatsController extends Pets {
  @Post(['', 'new']) make() { return 'made'; }
  @Delete('/:id/') drop(@Param('id') id: string) { return id; }
}
@Controller({ path: 'dogs', version: '2' })
export class DogsController {
  @Get('barking') bark() { return 'woof'; }
}
