// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Body, Controller, Get, Param, ParseIntPipe, Patch, Post, Put } from '@nestjs/common';
import { CreateUserDto, LooseUser, UpdateUserDto } from './dto';
import { UsersService } from './users.service';

@Controller({ path: 'users', version: '1' })
export class UsersController {
  constructor(private readonly service: UsersService) {}

  @Post() create(@Body() dto: CreateUserDto) { return this.service.create(dto); }
  @Put(':id') update(@Param('id', ParseIntPipe) id: number, @Body() dto: UpdateUserDto) { return this.service.update(id, dto); }
  @Patch(':id') patch(@Param('id', ParseIntPipe) id: number, @Body() dto: LooseUser) { return this.service.patch(id, dto); }
  @Get() all() { return this.service.users.find(); }
  @Get('members') members() { return this.service.members.find(); } // ! nosql/document-sent
  @Get('count') async count() { return { n: await this.service.members.count() }; }
}
