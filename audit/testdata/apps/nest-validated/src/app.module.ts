// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { ClassSerializerInterceptor, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthController } from './auth.controller';
import { Member, User } from './entities';
import { UsersController } from './users.controller';
import { UsersService } from './users.service';

@Module({
  imports: [ThrottlerModule.forRoot([{ ttl: 60000, limit: 10 }]), TypeOrmModule.forFeature([User, Member])],
  controllers: [UsersController, AuthController],
  providers: [
    UsersService,
    { provide: APP_GUARD, useClass: ThrottlerGuard },
    { provide: APP_INTERCEPTOR, useClass: ClassSerializerInterceptor },
  ],
})
export class AppModule {}
