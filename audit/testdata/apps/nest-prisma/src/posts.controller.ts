// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Body, Controller, Get, Param, Post, Put, Req, UsePipes, ValidationPipe } from '@nestjs/common';
import { IsString } from 'class-validator';
import type { Request } from 'express';
import { z } from 'zod';
import { PrismaService } from './prisma.service';
import { ZodPipe } from './zod.pipe';

const postSchema = z.object({ title: z.string() });
export class CreatePostDto {
  @IsString() title: string;
}
@Controller('posts')
export class PostsController {
  constructor(private readonly prisma: PrismaService) {}

  @Post()
  create(@Body() dto: CreatePostDto) {
    return this.prisma.post.create({ data: dto }); // ! validate/mass-assignment
  }
  @Post('named')
  named(@Body('title') title: string) {
    return this.prisma.post.create({ data: { title } });
  }
  @Post('zod')
  @UsePipes(new ZodPipe(postSchema))
  zod(@Body() dto: z.infer<typeof postSchema>) {
    return this.prisma.post.create({ data: dto });
  }
  @Post('own')
  own(@Body(new ValidationPipe({ whitelist: true })) dto: CreatePostDto) {
    return this.prisma.post.create({ data: dto });
  }
  @Put(':id')
  async update(@Param('id') id: string, @Req() req: Request) {
    return this.prisma.post.update({ where: { id }, data: req.body }); // ! validate/mass-assignment
  }
  @Get('authors')
  authors() {
    return this.prisma.user.findMany(); // ! nosql/document-sent
  }
  @Get()
  all() {
    return this.prisma.post.findMany({ select: { title: true } });
  }
}
