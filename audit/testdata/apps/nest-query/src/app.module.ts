// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { MiddlewareConsumer, Module, NestModule } from '@nestjs/common';
import { MongooseModule, Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import helmet from 'helmet';
import { ItemsController } from './items.controller';

@Schema()
export class Item {
  @Prop() name: string;
}
@Module({ imports: [MongooseModule.forFeature([{ name: 'Item', schema: SchemaFactory.createForClass(Item) }])], controllers: [ItemsController] })
export class AppModule implements NestModule {
  configure(consumer: MiddlewareConsumer) {
    consumer.apply(helmet()).forRoutes('*');
  }
}
