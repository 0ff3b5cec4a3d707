// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Body, Controller, Post } from '@nestjs/common';
import { CreateUserDto } from './dto';
import { UsersService } from './users.service';

@Controller('auth')
export class AuthController {
  constructor(private readonly service: UsersService) {}
  @Post('login') async login(@Body() dto: CreateUserDto) {
    const user = await this.service.users.findOneBy({ email: dto.email });
    return { id: user?.id };
  }
}
