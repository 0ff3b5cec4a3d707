// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { IsNotEmpty, IsOptional, IsString } from 'class-validator';
import { Model } from 'mongoose';

class FindDto {
  @IsString() name: string;
  @IsNotEmpty() owner: string;
  @IsOptional() @IsString({ each: true }) tags?: string[];
}
@Controller('items')
export class ItemsController {
  constructor(@InjectModel('Item') private readonly items: Model<unknown>) {}

  @Get() find(@Query() by: FindDto) {
    return this.items.find({ name: by.name, tags: { $in: by.tags } });
  }
  @Get('owner') owned(@Query() by: FindDto) {
    return this.items.find({ owner: by.owner }); // ! nosql/operator
  }
  @Get('whole') whole(@Query() by: Record<string, string>) {
    return this.items.find(by); // ! nosql/operator
  }
  @Post() add(@Body() item: FindDto) {
    return new this.items(item).save(); // ! validate/mass-assignment
  }
}
