// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Body, Controller, Get, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { CreateUserDto, type Credentials } from './dto';
import { UsersService } from './users.service';

@Controller('users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Post()
  async create(@Body() dto: CreateUserDto) {
    return this.users.create(dto); // ! nosql/document-sent
  }
  @Post('named')
  async named(@Body() body: Credentials) {
    await this.users.named(body.email, body.password);
    return { ok: true };
  }
  @Get()
  async findAll() {
    return this.users.findAll(); // ! nosql/document-sent
  }
  @Get('names')
  findNames() {
    return this.users.findNames();
  }
  @Get('search')
  search(@Query('email') email: string) {
    return this.users.findByEmail(email);
  }
  @Get('safely')
  safely(@Query() query: { email: string }) {
    return this.users.findSafely(query.email);
  }
  @Get(':id')
  one(@Param('id') id: string) {
    return this.users.findById(id);
  }
  @Put(':id')
  async update(@Param('id') id: string, @Body() changes: Record<string, unknown>, @Res() res: Response) {
    const user = await this.users.update(id, changes);
    return res.json(user); // ! nosql/document-sent
  }
}
