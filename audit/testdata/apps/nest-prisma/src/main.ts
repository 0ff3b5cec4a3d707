// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module';

async function bootstrap() {
  const app = await NestFactory.create<NestExpressApplication>(AppModule); // ! headers/none
  // Types are checked; other fields come through.
  app.useGlobalPipes(new ValidationPipe());
  await app.listen(3000);
}
bootstrap();
