// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module';

NestFactory.create(AppModule).then(async (app) => {
  app.useGlobalPipes(new ValidationPipe({ whitelist: false }));
  await app.listen(3000);
});
